"""Nobody is answered more than her role in her own course gives her: each address, asked by each kind of person."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Member
from lti_cert.lti import registrations
from lti_cert.lti.claims import TEST_USER
from tests import every_route
from tests.every_route import PEOPLE, ROUTES
from tests.launching import LEARNER, MENTOR, Browser, sessions, title
from tests.tenants import Tenants

INSTITUTION = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#"
FROM_ELSEWHERE = ("other_course", "other_platform")
SAFE_FIRST = (*(person for person in PEOPLE if person != "instructor"), "instructor")
"""The only one of whom a change of the course is expected is the last to ask."""

HOW_TO_ADD = """
These addresses have no row in tests/every_route.py, so nobody has said who may ask for them. Add to ROUTES there, with
the statuses that nobody (without a token), a learner, an assistant, an instructor and a foreign instructor must get
(member, staff, approver and same are the usual ones), and what to send, for instance:

{rows}

A variable part of an address that is new gets a value in `values` of tests/tenants.py.
"""


def test_every_address_stands_in_the_table(app: Flask) -> None:
    missing = every_route.missing_rows(app)
    assert not missing, HOW_TO_ADD.format(rows="\n".join(missing))
    assert not every_route.dead_rows(app), "These rows of tests/every_route.py are for addresses that are gone."


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_each_address_answers_each_person_as_the_table_says(
    tenants: Tenants, logged: list[Any], method: str, path: str
) -> None:
    row = ROUTES[method, path]
    address = tenants.address_of(method, path)
    before = tenants.standing()
    found, unlogged, leaked, harmed = {}, [], [], []
    for who in SAFE_FIRST:
        logged.clear()
        answer = tenants.ask(who, method, address, row.sent)
        found[who] = answer.status_code
        references = {line["reference"] for line in logged}
        if 400 <= answer.status_code < 500 and answer.headers["X-Reference"] not in references:
            unlogged.append(who)
        if who in FROM_ELSEWHERE and path.startswith("/panel/") and "Alpha" in answer.text:
            leaked.append(who)
        if who != "instructor" and tenants.standing() != before:
            harmed.append(who)
    assert found == row.statuses
    assert not unlogged, "refused without a line in the log that has the page's reference"
    assert not leaked, "shown something of a course that is not theirs"
    assert not harmed, "changed something in a course that is not theirs to change"


def test_a_platform_that_is_switched_off_ends_every_session_of_its_people(tenants: Tenants) -> None:
    with transaction():
        registrations.deactivate(tenants.ours.course.registration_id)
    before = tenants.standing()
    for (method, path), row in ROUTES.items():
        if row.nobody == 401 != row.instructor:
            for who in set(PEOPLE) - {"nobody", "expired", "other_platform"}:
                answer = tenants.ask(who, method, tenants.address_of(method, path), row.sent)
                assert (answer.status_code, "is not active" in answer.text) == (403, True), (method, path, who)
    assert tenants.standing() == before


def test_somebody_who_only_accompanies_a_learner_gets_no_session_at_all(browser: Browser, logged: list[Any]) -> None:
    for roles in ([MENTOR], ["Mentor"], [MENTOR, INSTITUTION + "Observer"]):
        response = browser.launch(roles=roles)
        assert (response.status_code, title(response)) == (403, "There is nothing here for you")
        assert logged[-1]["reference"] == response.headers["X-Reference"]
    assert sessions() == []


def test_a_test_student_is_let_in_and_never_evaluated(browser: Browser) -> None:
    """Canvas' Student View, say."""
    browser.enter(roles=[LEARNER, TEST_USER])
    db.session.rollback()
    (member,) = db.session.scalars(select(Member))
    assert (member.is_test_user, member.is_evaluated) == (True, False)
