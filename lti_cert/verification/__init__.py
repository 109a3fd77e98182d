"""The public answer to "is this certificate real?"."""
