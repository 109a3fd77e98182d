"""The tool on an empty database of each kind."""

import gc
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from lti_cert.app import create_app
from lti_cert.core.database import db
from lti_cert.core.log import configure_logs
from lti_cert.settings import Settings
from tests import postgres

KINDS = ("SQLite", "PostgreSQL")


@contextmanager
def tool(kind: str = "SQLite") -> Iterator[Flask]:
    """Inside its application context. PostgreSQL is a server of its own that promises nothing about crashes."""
    configure_logs("ERROR")
    with tempfile.TemporaryDirectory() as folder, _address(kind) as address:
        settings = Settings(
            data_dir=Path(folder), database_url=address, log_level="ERROR", allow_private_platforms=True
        )
        app = create_app(settings)
        with app.app_context():
            db.create_all()
            gc.freeze()  # as a worker does before its first run
            try:
                yield app
            finally:
                db.session.remove()
                db.engine.dispose()


@contextmanager
def _address(kind: str) -> Iterator[str | None]:
    if kind == "SQLite":
        yield None
        return
    with postgres.cluster() as cluster, cluster.database() as address:
        yield address
