"""Our tool at a platform that nobody here wrote: login, launch, token, line items, results, members, deep linking."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from lti_cert.achievements import saving
from lti_cert.certificates import reading
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Course, LineItem, Member
from lti_cert.demo.serving import running
from lti_cert.lti import keys, registrations
from lti_cert.settings import Settings
from tests import building as b
from tests.browser import Browser
from tests.draining import drain
from tests.interop import open_edx as platform
from tests.launching import sessions


@pytest.fixture
def tool(app: Flask, settings: Settings) -> Iterator[str]:
    """The tool over real HTTP, with keys that the platform can fetch."""
    keys.ensure_key(settings)
    with running(app, "localhost", int(settings.base_url.rpartition(":")[2])) as address:
        yield address


@pytest.fixture
def settings(make_settings: object, free_port: object) -> Settings:
    return make_settings(base_url=f"http://localhost:{free_port()}")  # type: ignore[operator]


@pytest.fixture
def course(open_edx: platform.OpenEdx, tool: str) -> platform.Course:
    made = open_edx.connect(
        login_url=f"{tool}/lti/login", launch_url=f"{tool}/lti/launch", keyset_url=f"{tool}/lti/jwks.json"
    )
    with transaction():
        registrations.add(
            issuer=made.issuer,
            client_id=made.client_id,
            auth_url=made.auth_url,
            token_url=made.token_url,
            jwks_url=made.keyset_url,
            deployment_ids=[made.deployment_id],
        )
    return made


def launch(course: platform.Course, username: str) -> None:
    browser = Browser()
    answer = browser.get(course.launch_url(username))
    page = browser.submit(answer)
    assert page.status_code == 200, page.text
    assert 'data-session="' in page.text
    db.session.rollback()


def test_a_course_of_open_edx_is_launched_read_and_decided(course: platform.Course) -> None:
    launch(course, "ines")
    mirrored = db.session.scalars(select(Course)).one()
    drain()
    db.session.rollback()
    assert mirrored.stale_reason == ""
    assert {item.label: item.maximum for item in db.session.scalars(select(LineItem))} == {
        label: maximum * 1_000_000 for label, maximum in course.maxima.items()
    }
    evaluated = set(db.session.scalars(select(Member.user_id).where(Member.is_evaluated)))
    assert evaluated == {user_id for name, user_id in course.people.items() if name != "ines"}

    rule = b.read_rule(mirrored, b.document(kind="n_of", n=1, completion=50))
    with transaction():
        saving.open_(saving.create(mirrored, rule, actor="os:test"))
    drain()
    members = reading.export(mirrored)["achievements"][0]["members"]
    half_done = {
        course.people[name]
        for name, scores in course.scores.items()
        if any(score * 2 >= course.maxima[label] for label, score in scores.items())
    }
    assert {member["user_id"] for member in members if member["level"]} == half_done
    assert half_done


def test_open_edx_takes_a_chosen_certificate_and_launches_it(course: platform.Course, tool: str) -> None:
    launch(course, "ines")
    mirrored = db.session.scalars(select(Course)).one()
    achievement = b.achievement(mirrored, b.document(title="Reefs & Tides"))

    author = Browser()
    shell = author.submit(author.get(course.choose_url("ines")))
    token = shell.text.partition('data-session="')[2].partition('"')[0]
    ticket = author.post(
        f"{tool}/panel/placing/{achievement.id}/ticket", headers={"Authorization": f"Bearer {token}"}
    ).json()
    taken = author.submit(author.get(tool + ticket["url"]))
    assert taken.status_code == 200, taken.text
    (item,) = course.chosen()
    assert (item["type"], item["title"]) == ("ltiResourceLink", "Reefs & Tides")
    assert (item["url"], item["custom"]) == (f"{tool}/lti/launch", {"achievement": str(achievement.id)})

    launch(course, "dara")
    assert [one.achievement_id for one in sessions()] == [None, None, achievement.id]
