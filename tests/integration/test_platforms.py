"""What administrators do with platforms: presets, checks, corrections, moves, and the switch that stops everything."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from lti_cert.core.audit import AuditEntry
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import InputRejected
from lti_cert.courses import from_launch, sync
from lti_cert.courses.models import Course, Member, ResourceLink, SyncRun
from lti_cert.demo import claims as platform_claims
from lti_cert.demo.faults import Endpoint, Fault
from lti_cert.demo.platform import Lms, SigningKey, Tool
from lti_cert.demo.sample_course import sample_course
from lti_cert.demo.serving import running, running_lms
from lti_cert.lti import claims, keys, registrations
from lti_cert.lti.models import AccessToken, PlatformKeySet, Registration
from lti_cert.lti.products import PRESETS
from lti_cert.outbox.outbox import Overtaken
from lti_cert.registration import check, platforms, rehome
from lti_cert.settings import Settings
from tests import building as b
from tests.launching import count

ACTOR = "os:test"


@pytest.fixture(scope="module")
def platform_key() -> SigningKey:
    return SigningKey()


@pytest.fixture
def settings(make_settings: Callable[..., Settings], free_port: Callable[[], int]) -> Settings:
    return make_settings(base_url=f"http://localhost:{free_port()}")


@pytest.fixture
def lms(app: Flask, settings: Settings, platform_key: SigningKey) -> Iterator[Lms]:
    """The demo LMS, which can fetch the tool's keys."""
    keys.ensure_key(settings)
    lms = Lms([sample_course()], [Tool.at(settings.base_url)], keys=[platform_key])
    with running(app, "localhost", int(settings.base_url.rpartition(":")[2])), running_lms(lms):
        yield lms


def add(lms: Lms, **changes: Any) -> Registration:
    facts = {
        "issuer": lms.issuer,
        "client_id": lms.tools[0].client_id,
        "auth_url": f"{lms.issuer}/auth",
        "token_url": lms.token_url,
        "jwks_url": f"{lms.issuer}/jwks",
        "deployment_ids": ("1",),
    }
    with transaction():
        return platforms.add(actor=ACTOR, **facts | changes)


def launched(lms: Lms, registration: Registration) -> Course:
    launch = lms.begin_launch("ines")
    member = launch.course.member("ines")
    assert member
    said = claims.read(platform_claims.resource_link_request(lms, launch, member, nonce=""))
    with transaction():
        return from_launch.arrive(registration, said).course


def wrong(registration: Registration) -> dict[str, str]:
    return {one.about: one.words for one in check.check(registration.id) if not one.is_well}


def deeds() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(AuditEntry.deed).order_by(AuditEntry.id)))


# Presets


SITE = "https://lms.example.edu"


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    ("preset", "addresses"),
    [
        (
            "canvas",
            (
                "https://canvas.instructure.com",
                "https://sso.canvaslms.com/api/lti/authorize_redirect",
                f"{SITE}/login/oauth2/token",
                "https://sso.canvaslms.com/api/lti/security/jwks",
            ),
        ),
        (
            "canvas-beta",
            (
                "https://canvas.beta.instructure.com",
                "https://sso.beta.canvaslms.com/api/lti/authorize_redirect",
                f"{SITE}/login/oauth2/token",
                "https://sso.beta.canvaslms.com/api/lti/security/jwks",
            ),
        ),
        (
            "moodle",
            (SITE, f"{SITE}/mod/lti/auth.php", f"{SITE}/mod/lti/token.php", f"{SITE}/mod/lti/certs.php"),
        ),
        (
            "brightspace",
            (
                SITE,
                f"{SITE}/d2l/lti/authenticate",
                "https://auth.brightspace.com/core/connect/token",
                f"{SITE}/d2l/.well-known/jwks",
            ),
        ),
        (
            "blackboard",
            (
                "https://blackboard.com",
                "https://developer.blackboard.com/api/v1/gateway/oidcauth",
                "https://developer.blackboard.com/api/v1/gateway/oauth2/jwttoken",
                "https://developer.blackboard.com/api/v1/management/applications/abc/jwks.json",
            ),
        ),
    ],
)
def test_a_preset_knows_the_addresses(preset: str, addresses: tuple[str, ...]) -> None:
    with transaction():
        added = platforms.add(actor=ACTOR, preset=preset, site="lms.example.edu/", client_id="abc")
    assert (added.issuer, added.auth_url, added.token_url, added.jwks_url) == addresses
    assert added.standing == "active"


@pytest.mark.usefixtures("app")
def test_brightspaces_tokens_have_an_audience_of_their_own() -> None:
    with transaction():
        added = platforms.add(actor=ACTOR, preset="brightspace", site=SITE, client_id="abc")
    assert added.token_audience == "https://api.brightspace.com/auth/token"


@pytest.mark.usefixtures("app")
def test_blackboards_deployments_wait_since_its_client_id_serves_everybody() -> None:
    with transaction():
        added = platforms.add(actor=ACTOR, preset="blackboard", client_id="abc")
    assert not added.accepts_new_deployments


@pytest.mark.usefixtures("app")
def test_what_is_given_goes_before_the_preset() -> None:
    with transaction():
        added = platforms.add(
            actor=ACTOR, preset="sakai", site=SITE, client_id="abc", token_url=f"{SITE}/imsblis/lti13/token/7"
        )
    assert added.token_url.endswith("/token/7")
    assert added.jwks_url == f"{SITE}/imsblis/lti13/keyset"


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"site": SITE}, "name the preset"),
        ({"preset": "webct"}, "There is no preset “webct”; there are canvas,"),
        ({"preset": "moodle"}, "Moodle needs the address of the site"),
        ({"preset": "moodle", "site": "not an address"}, "The address of the site is not an address"),
        ({"preset": "sakai", "site": SITE}, "The token address is missing."),
        ({"preset": "moodle", "site": SITE, "client_id": ""}, "The client id is missing."),
        ({}, "The issuer is missing."),
    ],
)
def test_what_a_preset_cannot_know_is_asked_for(fields: dict[str, str], problem: str) -> None:
    with pytest.raises(InputRejected, match=problem), transaction():
        platforms.add(actor=ACTOR, **{"client_id": "abc"} | fields)
    assert (count(Registration), deeds()) == (0, [])


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_makes_addresses(preset: str) -> None:
    known = platforms.preset_addresses(preset, site=SITE, client_id="abc")
    assert not any("{" in address for address in known.values())


# Check


def test_a_registration_that_is_right_is_said_to_be(lms: Lms) -> None:
    findings = check.check(add(lms).id)
    assert all(one.is_well for one in findings), findings
    assert [one.about for one in findings] == ["standing", "deployments", "key set", "token"]
    assert "reading line items, reading results, reading names and roles" in findings[-1].words


def test_standing_and_waiting_deployments_are_named(lms: Lms) -> None:
    registration = add(lms)
    with transaction():
        registrations.admit(registration, "2")
        registrations.deactivate(registration.id)
    assert wrong(registration) == {
        "standing": "It is switched off; nobody can launch.",
        "deployments": "Waiting to be accepted: 2.",
    }


@pytest.mark.parametrize(
    ("changes", "about", "words"),
    [
        ({"jwks_url": "{lms}/nothing"}, "key set", "answered HTTP 404"),
        ({"jwks_url": "{lms}/"}, "key set", "a web page, “Demo LMS”"),
        ({"jwks_url": "{lms}/openid-configuration"}, "key set", "no key that launches could be checked with"),
        ({"jwks_url": "http://127.0.0.1:1/"}, "key set", "Compare the key set address"),
        ({"token_url": "{lms}/nothing"}, "token", "“Not Found – Demo LMS”"),
        ({"token_url": "http://127.0.0.1:1/"}, "token", "ConnectionError"),
        ({"client_id": "somebody-else"}, "token", "does not recognise this tool (invalid_client)"),
        ({"audience": "https://elsewhere.example.edu"}, "token", "(invalid_client)"),
    ],
)
def test_what_is_wrong_is_said_in_words(lms: Lms, changes: dict[str, str], about: str, words: str) -> None:
    registration = add(lms, **{name: value.format(lms=lms.issuer) for name, value in changes.items()})
    found = wrong(registration)
    assert list(found) == [about]
    assert words in found[about]


def test_the_very_scope_that_is_refused_is_named(lms: Lms) -> None:
    lms.tools = [Tool.at(lms.tools[0].login_url.removesuffix("/lti/login"), scopes=(claims.RESULT_READONLY,))]
    findings = [one for one in check.check(add(lms).id) if one.about == "token"]
    assert [one.is_well for one in findings] == [False, True, False]
    assert "does not grant this tool reading line items." in findings[0].words
    assert "does not grant this tool reading names and roles." in findings[2].words


def test_a_token_that_grants_less_than_was_asked_is_noticed(lms: Lms) -> None:
    answer = {"access_token": "t", "expires_in": 60, "scope": claims.LINEITEM_READONLY}
    lms.faults.plan(Endpoint.TOKEN, Fault(200, json.dumps(answer)))
    assert "does not grant this tool reading results, reading names and roles." in wrong(add(lms))["token"]


# Corrections


@pytest.mark.each_database
@pytest.mark.usefixtures("app")
def test_an_address_is_corrected_and_what_was_fetched_there_forgotten() -> None:
    platform = b.registration()
    other = b.registration("https://other.example")
    for each in (platform, other):
        with transaction() as session:
            now = each.created_at
            session.add(PlatformKeySet(registration_id=each.id, keys={"keys": []}, tried_at=now))
            session.add(AccessToken(registration_id=each.id, scopes="a", sealed="", expires_at=now))
    with transaction():
        platforms.update(platform.id, actor=ACTOR, name="Campus")
    assert (count(PlatformKeySet), count(AccessToken)) == (2, 2)
    with transaction():
        platforms.update(platform.id, actor=ACTOR, jwks_url="https://lms.example/keys")
    assert list(db.session.scalars(select(PlatformKeySet.registration_id))) == [other.id]
    assert list(db.session.scalars(select(AccessToken.registration_id))) == [other.id]
    assert (platform.name, platform.jwks_url) == ("Campus", "https://lms.example/keys")
    (named, moved) = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert named.detail == {"name": ["", "Campus"]}
    assert moved.detail == {"jwks_url": ["https://lms.example/jwks", "https://lms.example/keys"]}


@pytest.mark.each_database
@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"token_url": "nowhere"}, "token address"),
        ({"client_id": ""}, "client id is missing"),
        ({"issuer": "https://other.example"}, "already registered"),
    ],
)
def test_a_correction_that_cannot_be_changes_nothing(changes: dict[str, str], problem: str) -> None:
    platform = b.registration()
    b.registration("https://other.example")
    with pytest.raises(InputRejected, match=problem), transaction():
        platforms.update(platform.id, actor=ACTOR, **changes)
    assert {name: getattr(platform, name) for name in changes} != changes
    assert deeds() == []


@pytest.mark.usefixtures("app")
def test_every_verb_leaves_an_audit_entry() -> None:
    platform = b.registration()
    with transaction():
        platforms.deactivate(platform.id, actor=ACTOR)
        platforms.activate(platform.id, actor=ACTOR)
        platforms.accept_deployment(platform.id, "7", actor=ACTOR)
        platforms.refuse_deployment(platform.id, "7", actor=ACTOR)
        platforms.update(platform.id, actor=ACTOR, name="")
    assert deeds() == ["platform deactivated", "platform activated", "deployment accepted", "deployment refused"]


# A platform that was installed anew


@pytest.fixture
def homes(app: Flask) -> tuple[Registration, Registration]:
    """An old registration, and the new one of the same platform, whose deployment is another."""
    assert app
    old, new = b.registration(product="moodle"), b.registration(client_id="new", product="moodle")
    with transaction():
        new.deployments[0].deployment_id = "9"
    return old, new


@pytest.mark.each_database
def test_courses_follow_with_all_that_was_earned_and_without_the_old_addresses(
    homes: tuple[Registration, Registration],
) -> None:
    old, new = homes
    course = b.course(old)
    b.take(course, b.snapshot({"Quiz": 10}, {"ada": {"Quiz": 9}}))
    achievement = b.achievement(course)
    b.evaluate(course)
    with transaction() as session:
        session.add(
            ResourceLink(course_id=course.id, resource_link_id="1", lineitems_url="https://lms.example/items?type_id=1")
        )
    with transaction():
        assert rehome.rehome(old.id, new.id, actor=ACTOR) == 1
    db.session.rollback()
    assert (course.registration_id, course.deployment_key) == (new.id, "9")
    assert b.standing(achievement, "ada")[0] == "earned"
    assert [link.lineitems_url for link in db.session.scalars(select(ResourceLink))] == [""]
    assert deeds() == ["courses moved to another platform"]


@pytest.mark.usefixtures("app")
def test_the_next_launch_finds_the_moved_course(homes: tuple[Registration, Registration]) -> None:
    old, new = homes
    course = b.course(old)
    with transaction():
        rehome.rehome(old.id, new.id, actor=ACTOR)
    said = claims.LaunchClaims(
        new.issuer, "new", "9", "ada", "LtiResourceLinkRequest", "", context_id="course-1", resource_link_id="1"
    )
    with transaction():
        assert from_launch.arrive(new, said).course.id == course.id


@pytest.mark.each_database
def test_courses_that_collide_stay_where_they_are(homes: tuple[Registration, Registration]) -> None:
    old, new = homes
    free, taken = b.course(old, "free"), b.course(old, "taken", title="Art <History>")
    with transaction():
        b.course(new, "taken").deployment_key = "9"
    with pytest.raises(InputRejected, match=r"“Art <History>” \(taken\). Nothing was moved"), transaction():
        rehome.rehome(old.id, new.id, actor=ACTOR)
    db.session.rollback()
    assert {free.registration_id, taken.registration_id} == {old.id}
    assert deeds() == []


def test_two_deployments_of_one_course_do_not_become_one(homes: tuple[Registration, Registration]) -> None:
    old, new = homes
    b.course(old)
    with transaction():
        b.course(old, "course-2").deployment_key = "2"
    with transaction():
        second = db.session.scalars(select(Course).filter_by(deployment_key="2")).one()
        second.context_id = "course-1"
    with pytest.raises(InputRejected, match="course-1"), transaction():
        rehome.rehome(old.id, new.id, actor=ACTOR)


def test_where_to_must_be_clear(homes: tuple[Registration, Registration]) -> None:
    old, new = homes
    b.course(old)
    with pytest.raises(InputRejected, match="two platforms"):
        rehome.rehome(old.id, old.id, actor=ACTOR)
    with transaction():
        registrations.accept_deployment(new.id, "10")
    with pytest.raises(InputRejected, match="2 accepted deployments"):
        rehome.rehome(old.id, new.id, actor=ACTOR)
    with pytest.raises(InputRejected, match="no accepted deployment “11”"):
        rehome.rehome(old.id, new.id, actor=ACTOR, deployment_id="11")
    with transaction():
        assert rehome.rehome(old.id, new.id, actor=ACTOR, deployment_id="10") == 1


@pytest.mark.usefixtures("app")
def test_canvas_courses_need_no_deployment() -> None:
    old, new = b.registration(product="canvas"), b.registration(client_id="new", product="canvas")
    with transaction():
        b.course(old).deployment_key = ""
        registrations.accept_deployment(new.id, "another")
    with transaction():
        assert rehome.rehome(old.id, new.id, actor=ACTOR) == 1
    db.session.rollback()
    assert [course.deployment_key for course in db.session.scalars(select(Course))] == [""]


# The switch


def test_no_sync_begins_on_a_platform_that_is_switched_off(lms: Lms) -> None:
    registration = add(lms)
    course = launched(lms, registration)
    with transaction():
        platforms.deactivate(registration.id, actor=ACTOR)
    with pytest.raises(Overtaken):
        sync.sync(course.id, registration.id)
    assert not lms.faults.requests[Endpoint.LINE_ITEMS]


@pytest.mark.each_database
def test_a_sync_that_runs_stops_and_stores_nothing(app: Flask, lms: Lms, monkeypatch: pytest.MonkeyPatch) -> None:
    registration = add(lms)
    course = launched(lms, registration)
    registration_id, members, meet = registration.id, count(Member), lms.faults.meet

    def switched_off_meanwhile(endpoint: str) -> Fault | None:
        if endpoint == Endpoint.RESULTS:
            with app.app_context(), transaction():
                registrations.deactivate(registration_id)
        return meet(endpoint)

    monkeypatch.setattr(lms.faults, "meet", switched_off_meanwhile)
    sync.sync(course.id, registration_id)
    db.session.rollback()
    (run,) = db.session.scalars(select(SyncRun)).all()
    assert run.outcome == "failed"
    assert "has switched it off" in run.reason
    assert (course.synced_at, count(Member)) == (None, members)


def test_a_platform_switched_on_again_syncs_as_before(lms: Lms) -> None:
    registration = add(lms)
    course = launched(lms, registration)
    with transaction():
        platforms.deactivate(registration.id, actor=ACTOR)
        platforms.activate(registration.id, actor=ACTOR)
    sync.sync(course.id, registration.id)
    db.session.rollback()
    assert course.synced_at
