"""What anybody learns who has a certificate's number, and its holder at her private address."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from lti_cert.achievements.models import Achievement
from lti_cert.certificates.models import Credential
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Course
from lti_cert.issuing.models import Document
from lti_cert.verification import views
from tests import building as b
from tests.draining import drain

pytestmark = pytest.mark.usefixtures("app")

ITEMS = {"Quiz": 20}
GOOD: dict[str, float | str] = {"Quiz": 19}
FAIR: dict[str, float | str] = {"Quiz": 13}

NAME = "Ada <b>Lovelace</b>"
TITLE = "Certificate in Data <i>Literacy</i>"


def earned(name: str = NAME, scores: dict[str, float | str] = GOOD) -> tuple[Course, Achievement]:
    """A course in which one learner has earned a certificate, with its document made."""
    course = b.course(b.registration(name="Example University"), title="Statistics & Data")
    b.take(course, b.with_person(b.snapshot(ITEMS, {"ada": scores}), "ada", name=name))
    achievement = b.achievement(course, b.document(title=TITLE, distinction=85))
    drain()
    return course, achievement


def credentials() -> list[Credential]:
    db.session.rollback()
    return list(db.session.scalars(select(Credential).order_by(Credential.number)))


def verify(client: FlaskClient, credential: Credential) -> TestResponse:
    return client.get(f"/verify/{credential.public_id}")


@pytest.mark.each_database
def test_a_valid_certificate_is_told_with_all_that_is_printed(client: FlaskClient) -> None:
    with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC)):
        earned()
    (credential,) = credentials()
    response = verify(client, credential)
    assert response.status_code == 200
    for part in (
        "This certificate is valid",
        "Ada &lt;b&gt;Lovelace&lt;/b&gt;",
        "Certificate in Data &lt;i&gt;Literacy&lt;/i&gt;",
        "Statistics &amp; Data",
        "Example University",
        "Distinction",
        "1 March 2026",
        credential.public_id,
        db.session.scalars(select(Document.sha256)).one(),
    ):
        assert part in response.text
    assert response.text.count("check-outcome") == 4
    assert "failed" not in response.text


def test_the_page_says_what_was_printed_when_names_have_changed_since(client: FlaskClient) -> None:
    course, _ = earned(name="Ada Byron")
    with transaction():
        course.title = "Another course"
    b.take(course, b.with_person(b.snapshot(ITEMS, {"ada": GOOD}), "ada", name="Ada Lovelace"))
    text = verify(client, credentials()[0]).text
    assert "Ada Byron" in text
    assert "Another course" not in text


def test_a_superseded_certificate_is_told_without_a_name(client: FlaskClient) -> None:
    _, achievement = earned()
    b.decide(achievement, "reissue", "ada")
    drain()
    old, new = credentials()
    response = verify(client, old)
    assert response.status_code == 200
    assert "has been replaced" in response.text
    assert "Lovelace" not in response.text
    assert new.public_id not in response.text
    assert "is valid" in verify(client, new).text


def test_a_revoked_certificate_says_so_with_the_date(client: FlaskClient) -> None:
    _, achievement = earned()
    with time_machine.travel(datetime(2026, 4, 2, tzinfo=UTC)):
        b.decide(achievement, "revoke", "ada", reason="The quiz was copied")
    response = verify(client, credentials()[0])
    assert "has been revoked" in response.text
    assert "2 April 2026" in response.text
    assert "copied" not in response.text


def test_a_certificate_stays_verifiable_when_its_holder_leaves_and_the_achievement_is_removed(
    client: FlaskClient,
) -> None:
    from lti_cert.achievements import saving

    course, achievement = earned()
    b.take(course, b.snapshot(ITEMS, {"bob": FAIR}))
    with transaction():
        saving.remove(achievement)
    drain()
    assert "is valid" in verify(client, credentials()[0]).text


def test_a_certificate_without_a_document_yet_is_told_without_a_name(client: FlaskClient) -> None:
    earned(name="")
    response = verify(client, credentials()[0])
    assert "is valid" in response.text
    assert "not been made yet" in response.text


def test_a_damaged_document_is_not_confirmed_and_not_handed_out(client: FlaskClient) -> None:
    earned()
    with transaction() as session:
        session.execute(update(Document).values(pdf=b"%PDF-1.4 something else"))
    (credential,) = credentials()
    page = verify(client, credential)
    assert "cannot be confirmed" in page.text
    assert "This certificate is valid" not in page.text
    assert "failed" in page.text
    assert client.get(f"/certificates/{credential.holder_key}/certificate.pdf").status_code == 500


@pytest.mark.each_database
@pytest.mark.parametrize(
    "number", ["1" * 22, "nothing", "%00", "x" * 5000, "..", "<script>alert(1)</script>", "%F0%9F%98%80", "' OR 1=1 --"]
)
def test_an_unknown_number_is_answered_and_found_nowhere(client: FlaskClient, number: str) -> None:
    response = client.get(f"/verify/{number}")
    assert response.status_code in {404, 308}
    assert "<script>alert" not in response.text
    if number.isalnum():
        assert "No such certificate" in response.text
        assert "letter by letter" in response.text


@pytest.mark.parametrize("path", ["/verify", "/verify/nothing", "/certificates/nothing"])
def test_pages_stay_out_of_search_engines_frames_and_caches(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in response.headers


def test_the_pages_load_nothing_from_anybody_else(client: FlaskClient) -> None:
    earned()
    (credential,) = credentials()
    for path in (f"/verify/{credential.public_id}", f"/certificates/{credential.holder_key}"):
        text = client.get(path).text
        loaded = [part.partition('"')[0] for part in text.split('src="')[1:]]
        loaded += [tag.partition('href="')[2].partition('"')[0] for tag in text.split("<link")[1:]]
        assert all(address.startswith(("/static/", "data:")) for address in loaded)
        assert '<meta name="robots" content="noindex">' in text


@pytest.mark.parametrize("wrap", ["{}", "  {} \n", "http://localhost:8400/verify/{}", "localhost:8400/verify/{}/"])
def test_whatever_is_pasted_into_the_form_leads_to_the_certificate(client: FlaskClient, wrap: str) -> None:
    earned()
    (credential,) = credentials()
    response = client.get("/verify", query_string={"id": wrap.format(credential.public_id)})
    assert response.status_code == 302
    assert response.location == f"/verify/{credential.public_id}"


@pytest.mark.parametrize("entered", ["", "   ", "/", "x" * 5000])
def test_the_form_asks_again_when_nothing_can_be_looked_up(client: FlaskClient, entered: str) -> None:
    response = client.get("/verify", query_string={"id": entered})
    assert response.status_code == 422
    assert "Enter the number" in response.text


def test_one_address_may_not_ask_without_end(client: FlaskClient) -> None:
    with time_machine.travel(datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC), tick=False) as travel:
        answers = [ask(client, "203.0.113.5") for _ in range(views.PER_MINUTE + 1)]
        assert {answer.status_code for answer in answers[:-1]} == {404}
        assert answers[-1].status_code == 429
        assert answers[-1].headers["Retry-After"] == "30"
        assert ask(client, "203.0.113.6").status_code == 404
        travel.shift(30)
        assert ask(client, "203.0.113.5").status_code == 404


def test_a_whole_network_of_the_newer_kind_counts_as_one_address(client: FlaskClient) -> None:
    with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC), tick=False):
        for number in range(views.PER_MINUTE):
            ask(client, f"2001:db8:1:2::{number:x}")
        assert ask(client, "2001:db8:1:2:ffff::1").status_code == 429
        assert ask(client, "2001:db8:1:3::1").status_code == 404


def ask(client: FlaskClient, address: str) -> TestResponse:
    return client.get("/verify/nothing", environ_base={"REMOTE_ADDR": address})


def holder_page(client: FlaskClient, credential: Credential, more: str = "", **how: Any) -> TestResponse:
    return client.get(f"/certificates/{credential.holder_key}{more}", **how)


@pytest.mark.each_database
def test_the_holder_finds_her_document_and_what_she_needs_to_share_it(client: FlaskClient) -> None:
    with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC)):
        earned()
    (credential,) = credentials()
    page = holder_page(client, credential)
    assert page.status_code == 200
    assert "Ada &lt;b&gt;Lovelace&lt;/b&gt;" in page.text
    assert f"http://localhost:8400/verify/{credential.public_id}" in page.text
    assert f"/certificates/{credential.holder_key}/certificate.pdf" in page.text
    link = page.text.partition('href="https://www.linkedin.com')[2].partition('"')[0].replace("&amp;", "&")
    assert parse_qs(urlsplit(link).query) == {
        "startTask": ["CERTIFICATION_NAME"],
        "name": [TITLE],
        "organizationName": ["Example University"],
        "issueYear": ["2026"],
        "issueMonth": ["3"],
        "certUrl": [f"http://localhost:8400/verify/{credential.public_id}"],
        "certId": [credential.public_id],
    }


def test_the_document_is_handed_out_as_it_was_stored(client: FlaskClient) -> None:
    earned(name="Zoë Łukasz/نور")
    (credential,) = credentials()
    response = holder_page(client, credential, "/certificate.pdf")
    assert response.status_code == 200
    assert response.data == db.session.scalars(select(Document.pdf)).one()
    assert response.mimetype == "application/pdf"
    disposition = response.headers["Content-Disposition"]
    assert disposition.startswith("attachment; filename=")
    assert "filename*=UTF-8''Zo%C3%AB%20%C5%81ukasz-%D9%86%D9%88%D8%B1%20-%20Certificate" in disposition
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert "sandbox" in response.headers["Content-Security-Policy"]
    assert response.headers["X-Robots-Tag"] == "noindex, nofollow"


@pytest.mark.parametrize("name", ['Ada"; filename=evil.exe', "Ada\r\nX-Evil: yes", "../../etc/passwd", "x" * 3000])
def test_no_name_bends_the_header_that_names_the_file(client: FlaskClient, name: str) -> None:
    course = b.course()
    b.take(course, b.with_person(b.snapshot(ITEMS, {"ada": FAIR}), "ada", name=name))
    b.achievement(course, b.document(title="Certificate"))
    drain()
    (credential,) = credentials()
    response = holder_page(client, credential, "/certificate.pdf")
    if name.startswith("x"):  # longer than any certificate is wide
        assert response.status_code == 404
        return
    assert response.status_code == 200
    assert "X-Evil" not in response.headers
    disposition = response.headers["Content-Disposition"]
    assert len(disposition) < 300
    assert "/" not in disposition
    assert "evil.exe;" not in disposition
    assert disposition.rstrip('"').endswith(".pdf")


def test_an_old_private_link_leads_to_the_certificate_of_today(client: FlaskClient) -> None:
    course, achievement = earned(scores=FAIR)
    b.take(course, b.with_person(b.snapshot(ITEMS, {"ada": GOOD}), "ada", name=NAME))
    drain()
    b.decide(achievement, "reissue", "ada")
    drain()
    first, _, newest = credentials()
    assert holder_page(client, first).location == f"/certificates/{newest.holder_key}"
    page = holder_page(client, first, follow_redirects=True)
    assert "with distinction" in page.text
    document = holder_page(client, first, "/certificate.pdf", follow_redirects=True)
    assert document.data == db.session.get_one(Document, newest.id).pdf


def test_the_holder_of_a_revoked_certificate_is_told_so_and_gets_no_document(client: FlaskClient) -> None:
    _, achievement = earned()
    b.decide(achievement, "revoke", "ada")
    (credential,) = credentials()
    page = holder_page(client, credential)
    assert page.status_code == 200
    assert "was revoked on" in page.text
    assert "certificate.pdf" not in page.text
    assert "linkedin.com" not in page.text
    assert holder_page(client, credential, "/certificate.pdf").status_code == 410


def test_the_holder_of_a_certificate_without_a_document_is_told_what_it_waits_for(client: FlaskClient) -> None:
    earned(name="")
    (credential,) = credentials()
    page = holder_page(client, credential)
    assert "has not told us your name yet" in page.text
    assert holder_page(client, credential, "/certificate.pdf").status_code == 404


@pytest.mark.parametrize("key", ["nothing", "%00", "x" * 5000, "..%2f..%2f", "<script>"])
def test_a_wrong_private_link_says_what_may_be_wrong_with_it(client: FlaskClient, key: str) -> None:
    for more in ("", "/certificate.pdf"):
        response = client.get(f"/certificates/{key}{more}")
        assert response.status_code == 404
        assert "<script>" not in response.text


def test_a_number_is_no_private_link(client: FlaskClient) -> None:
    earned()
    (credential,) = credentials()
    assert client.get(f"/certificates/{credential.public_id}").status_code == 404
    assert client.get(f"/verify/{credential.holder_key}").status_code == 404
    assert credential.holder_key not in verify(client, credential).text


def test_the_front_page_shows_each_kind_of_people_the_way_in_and_tells_nothing_else(client: FlaskClient) -> None:
    course = b.course(b.registration(name="Secret College"), title="Secret course")
    page = client.get("/")
    assert page.status_code == 200
    assert "Open it in your learning platform" in page.text
    for path in ("/verify", "/admin"):
        assert f'href="{path}"' in page.text
        assert client.get(path, follow_redirects=True).status_code == 200
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "Secret" not in page.text
    assert course.context_id not in page.text
