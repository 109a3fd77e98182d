from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select, text

from lti_cert.core import database
from lti_cert.core.database import db, record_set, rehearsal, transaction
from lti_cert.settings import Settings

pytestmark = pytest.mark.each_database(bare=True)


@pytest.fixture
def _app(settings: Settings) -> Iterator[None]:
    settings.data_dir.mkdir()
    app = Flask("a tool without pages")
    database.init_database(app, settings)
    with app.app_context():
        with transaction() as session:
            session.execute(text("CREATE TABLE note (word TEXT)"))
        yield
        db.session.remove()
        db.engine.dispose()


def _write(word: str) -> None:
    with transaction() as session:
        session.execute(text("INSERT INTO note VALUES (:word)"), {"word": word})


class _Failed(Exception):
    pass


def _write_and_fail(word: str) -> None:
    with transaction():
        _write(word)
        raise _Failed


def _written() -> list[str]:
    return list(db.session.scalars(text("SELECT word FROM note ORDER BY word")))


@pytest.mark.usefixtures("_app")
def test_what_a_transaction_did_is_kept() -> None:
    _write("kept")
    assert _written() == ["kept"]


@pytest.mark.usefixtures("_app")
def test_a_transaction_that_fails_leaves_nothing() -> None:
    with pytest.raises(_Failed):
        _write_and_fail("inside")
    assert _written() == []


@pytest.mark.usefixtures("_app")
def test_a_rehearsal_sees_its_change_and_leaves_nothing() -> None:
    with rehearsal():
        _write("tried")
        assert _written() == ["tried"]
    assert _written() == []


@pytest.mark.usefixtures("_app")
def test_our_own_rows_can_be_selected_from() -> None:
    rows = record_set("rows", {"number": int, "word": str, "yes": bool}, [(1, "Ω'\"\\", True), (2**60, "", False)])
    found = db.session.execute(select(rows.c.number, rows.c.word, rows.c.yes)).all()
    assert [tuple(row) for row in found] == [(1, "Ω'\"\\", True), (2**60, "", False)]


@pytest.mark.usefixtures("_app")
def test_no_rows_of_our_own_select_nothing() -> None:
    rows = record_set("rows", {"number": int}, [])
    assert db.session.execute(select(rows.c.number)).all() == []
