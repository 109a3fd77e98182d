"""Certificates for any LMS: an LTI 1.3 tool. The map of the folders is docs/architecture.md."""
