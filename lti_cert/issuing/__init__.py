"""What is given for an earned certificate: its design, the document, and where it can be checked."""
