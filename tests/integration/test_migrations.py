"""The migrations lead to the tables that the models describe, and back."""

import runpy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask, current_app
from flask_migrate import downgrade, upgrade

from lti_cert.app import create_app
from lti_cert.core import resources
from lti_cert.core.database import db
from lti_cert.settings import Settings

pytestmark = pytest.mark.each_database(bare=True)


@pytest.fixture
def empty(make_settings: Callable[..., Settings]) -> Iterator[Flask]:
    app = create_app(make_settings())
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def differences() -> list[Any]:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=current_app.extensions["migrate"].configure_args)
        return list(compare_metadata(context, db.metadata))


@pytest.mark.usefixtures("empty")
def test_up_from_empty_equals_the_models_and_one_step_down_and_up_again_too() -> None:
    upgrade()
    assert differences() == []
    downgrade()
    upgrade()
    assert differences() == []


BEFORE_SETTINGS: str = runpy.run_path(str(resources.MIGRATIONS / "versions/2026_11_25_course_settings_and_links.py"))[
    "down_revision"
]
FACTS = (
    (
        "registration",
        "id, issuer, client_id, auth_url, token_url, jwks_url, name, product, standing, "
        "accepts_new_deployments, created_at",
        "1, 'i', 'c', 'a', 't', 'j', '', '', 'active', true, '2026-11-20'",
    ),
    ("deployment", "id, registration_id, deployment_id, standing, created_at", "1, 1, '1', 'active', '2026-11-20'"),
    (
        "course",
        "id, registration_id, deployment_key, context_id, title, label, source, evidence_seq, snapshot_limits, "
        "stale_reason, created_at",
        "1, 1, '', 'x', '', '', 'ags', 0, '', '', '2026-11-20'",
    ),
    (
        "resource_link",
        "id, course_id, resource_link_id, title, lineitems_url, lineitem_url, memberships_url, scopes",
        "1, 1, 'l', '', '', '', '', ''",
    ),
    (
        "member",
        "id, course_id, user_id, name, email, locale, roles, in_roster, launched_as_staff, is_test_user, "
        "is_evaluated, evidence_seq, created_at",
        "1, 1, 'u', '', '', '', '', true, false, false, false, 0, '2026-11-20'",
    ),
    (
        "panel_session",
        "id, token, registration_id, course_id, member_id, resource_link_id, roles, is_staff, "
        "may_approve, frame_ancestors, expires_at, created_at",
        "1, 't', 1, 1, 1, 1, 'instructor', true, true, '', '2026-11-21', '2026-11-20'",
    ),
    ("ticket", "id, secret, session_id, path, expires_at", "1, 's', 1, '/', '2026-11-21'"),
)
"""Rows that refer to one another, as they were before courses had settings."""


@pytest.mark.usefixtures("empty")
def test_what_is_there_is_kept_on_the_way() -> None:
    upgrade(revision=BEFORE_SETTINGS)
    with db.engine.begin() as connection:
        for table, columns, values in FACTS:
            connection.exec_driver_sql(f"INSERT INTO {table} ({columns}) VALUES ({values})")
    upgrade()
    kept = (
        "SELECT may_edit, session_id, deployment_id, certificates_on FROM ticket "
        "JOIN panel_session ON session_id = panel_session.id JOIN course ON course_id = course.id"
    )
    with db.engine.connect() as connection:
        assert connection.exec_driver_sql(kept).all() == [(True, 1, 1, True)]
    downgrade(revision=BEFORE_SETTINGS)
    with db.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT may_approve FROM panel_session").all() == [(True,)]


BEFORE_FOLDING: str = runpy.run_path(str(resources.MIGRATIONS / "versions/2026_11_26_folded_names.py"))["down_revision"]


@pytest.mark.usefixtures("empty")
def test_names_that_are_there_are_folded() -> None:
    upgrade(revision=BEFORE_FOLDING)
    with db.engine.begin() as connection:
        for table, columns, values in FACTS[:3]:
            connection.exec_driver_sql(f"INSERT INTO {table} ({columns}) VALUES ({values})")
        member = {"course_id": 1, "email": "", "locale": "", "roles": "", "in_roster": True, "launched_as_staff": False}
        member |= {"is_test_user": False, "is_evaluated": False, "is_known": True, "evidence_seq": 0}
        names = ("Łukasz", "", "Ångström")
        rows = [member | {"user_id": f"u{n}", "name": name, "created_at": "2026-11-20"} for n, name in enumerate(names)]
        before = sa.table("member", *(sa.column(name) for name in rows[0]))
        connection.execute(sa.insert(before), rows)
    upgrade()
    with db.engine.connect() as connection:
        folded = connection.exec_driver_sql("SELECT folded_name FROM member ORDER BY id").scalars().all()
    assert folded == ["lukasz", "", "angstrom"]
