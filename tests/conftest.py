"""What every test may ask for: settings, a database, the application, a mail server."""

import contextvars
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache

from lti_cert.settings import Settings
from tests import mail_server as mail
from tests import postgres

pytest_plugins = [
    "tests.served_keys",
    "tests.canvas_world",
    "tests.guards",
    "tests.launching",
    "tests.operating",
    "tests.sharing_out",
    "tests.tenants",
    "tests.world",
]

# A shared machine pauses when it likes; how long an example took says nothing here.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if mark := metafunc.definition.get_closest_marker("each_database"):
        databases = ["sqlite", "bare postgresql" if mark.kwargs.get("bare") else "postgresql"]
        metafunc.parametrize("database_url", databases, ids=["sqlite", "postgresql"], indirect=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgres.Cluster]:
    with postgres.cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgresql_with_tables(postgresql: postgres.Cluster) -> Iterator[str]:
    from tests import tables

    with postgresql.database() as url:
        tables.create_on_postgresql(url)
        yield url


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """None, which is SQLite in the data directory; a test marked `each_database` runs on PostgreSQL too.

    There it finds the tables without a row, or with `each_database(bare=True)` a database that has no tables.
    """
    from tests import tables

    database = getattr(request, "param", "sqlite")
    if database == "sqlite":
        yield None
    elif database == "postgresql":
        url: str = request.getfixturevalue("postgresql_with_tables")
        tables.empty_on_postgresql(url)
        yield url
    else:
        cluster: postgres.Cluster = request.getfixturevalue("postgresql")
        with cluster.database() as bare:
            yield bare


@pytest.fixture
def make_settings(tmp_path: Path, database_url: str | None) -> Callable[..., Settings]:
    """Settings of a tool of its own: `make_settings(base_url=…)` changes what a test is about."""

    def make(**changes: Any) -> Settings:
        ours = {
            "data_dir": tmp_path / "data",
            "jwks_dir": tmp_path / "jwks",
            "database_url": database_url,
            "secret_key": "a secret that nobody but these tests will ever know",
            "allow_private_platforms": True,
            "log_format": "human",
        }
        return Settings(**{**ours, **changes})

    return make


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings()


@pytest.fixture(scope="session")
def key_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: a key takes its time."""
    from lti_cert.lti import keys

    made = tmp_path_factory.mktemp("jwks")
    keys.ensure_key(Settings(jwks_dir=made))
    return made


@pytest.fixture
def own_keys(settings: Settings, key_files: Path) -> None:
    """The tool has keys to sign with."""
    from lti_cert.lti import keys

    shutil.copytree(key_files, keys.keys_dir(settings), dirs_exist_ok=True)


class _Client(FlaskClient):
    """Gives each request contexts of its own, as a server does, although the test is inside one too."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        return contextvars.Context().run(super().open, *args, **kwargs)


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Shared by every application of the tests: each would compile its templates anew."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def app(settings: Settings, compiled_templates: FileSystemBytecodeCache) -> Iterator[Flask]:
    """The tool on an empty database with its tables, inside an application context."""
    from lti_cert.app import create_app
    from lti_cert.core.database import db
    from tests import compiled_statements
    from tests.tables import create_tables

    app = create_app(settings)
    app.jinja_env.bytecode_cache = compiled_templates
    app.test_client_class = _Client
    with app.app_context():
        create_tables()
        compiled_statements.share(db.engine)
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def make_app(
    app: Flask, make_settings: Callable[..., Settings], compiled_templates: FileSystemBytecodeCache
) -> Iterator[Callable[..., Flask]]:
    """Another process of the tool, on the database of `app`: `make_app(base_url=…)` gives it other settings."""
    from lti_cert.app import create_app
    from lti_cert.core.database import db

    made: list[Flask] = []

    def make(**changes: Any) -> Flask:
        made.append(create_app(make_settings(**changes)))
        made[-1].jinja_env.bytecode_cache = compiled_templates
        made[-1].test_client_class = _Client
        return made[-1]

    yield make
    for each in made:
        with each.app_context():
            db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A loopback port that nobody listens on yet."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            return port

    return find


@pytest.fixture
def mail_server(free_port: Callable[[], int]) -> Iterator[mail.MailServer]:
    """Only a test that asks for it may send mail."""
    with mail.running(free_port()) as server:
        yield server


@pytest.fixture
def mails(settings: Settings) -> mail.Mails:
    """Reads the mails that were written into the data directory."""
    return lambda: mail.written_to(settings.data_dir / "mail")
