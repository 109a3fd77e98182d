"""The migrations lead to the tables that the models describe, and back."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade

from lti_cert.app import create_app
from lti_cert.core.database import db
from lti_cert.settings import Settings

pytestmark = pytest.mark.each_database


@pytest.fixture
def empty(make_settings: Callable[..., Settings]) -> Iterator[Flask]:
    app = create_app(make_settings())
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def differences() -> list[Any]:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, db.metadata))


@pytest.mark.usefixtures("empty")
def test_up_from_empty_equals_the_models_and_one_step_down_and_up_again_too() -> None:
    upgrade()
    assert differences() == []
    downgrade()
    upgrade()
    assert differences() == []
