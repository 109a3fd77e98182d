"""unit: pure rules · integration: a file a story, over HTTP, on SQLite and PostgreSQL · interop: a platform that we did
not write · e2e: a real browser · faults: killed workers, failing platforms.
"""
