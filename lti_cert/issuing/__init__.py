"""What a decision leaves in people's hands: documents, stored once and never drawn again."""
