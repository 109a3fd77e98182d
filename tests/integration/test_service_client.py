"""Our client of a platform's services: tokens, pages, and what it makes of trouble."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from lti_cert.core import clock, current
from lti_cert.core.database import db, transaction
from lti_cert.core.http import AddressRefused, PlatformUnreachable
from lti_cert.lti import ags, keys, nrps, service_tokens
from lti_cert.lti.answers import ServiceFailed, ServiceRefused, ServiceThrottled, breath
from lti_cert.lti.models import AccessToken, Registration
from lti_cert.lti.service_client import ServiceClient
from lti_cert.lti.service_tokens import ScopesRefused, TokenRequest
from lti_cert.settings import Settings
from lti_cert.sources import side_by_side
from tests import building, kept_connections, scripted_platform
from tests.scripted_platform import CLIENT_ID, LINE_ITEMS, RESULTS, SCOPES, Answer, Platform

MOODLE = Path(__file__).parents[1] / "fixtures" / "moodle"


@pytest.fixture
def platform(app: Flask, own_keys: None) -> Iterator[Platform]:
    _, private = keys.signing_key()
    with scripted_platform.running(private) as running:
        yield running


@pytest.fixture
def registration(platform: Platform) -> Registration:
    return building.registration(platform.url, client_id=CLIENT_ID)


@pytest.fixture
def service(registration: Registration) -> ServiceClient:
    return client_of(registration)


def client_of(registration: Registration, **more: Any) -> ServiceClient:
    return ServiceClient(registration, SCOPES, current.http(), **more)


def rows(service: ServiceClient, url: str) -> list[Any]:
    return [row for page in service.pages(url, LINE_ITEMS) for row in page.body]


# Tokens


def test_the_assertion_says_who_asks_whom_and_for_how_long(platform: Platform, service: ServiceClient) -> None:
    service.get_page(platform.serve("/items", []), LINE_ITEMS)
    (said,) = platform.assertions
    assert (said["iss"], said["sub"], said["aud"]) == (CLIENT_ID, CLIENT_ID, f"{platform.url}/token")
    assert said["kid"] == keys.signing_key()[0]
    assert said["iat"] < time.time() - 5
    assert said["exp"] - said["iat"] <= 300


def test_a_registration_with_an_audience_of_its_own_names_that(platform: Platform) -> None:
    registration = building.registration(
        platform.url,
        client_id=CLIENT_ID,
        audience=f"{platform.url}/token",
        token_url=f"{platform.url}/token?tenant=1",
    )
    client_of(registration).get_page(platform.serve("/items", []), LINE_ITEMS)
    assert platform.assertions[0]["aud"] == f"{platform.url}/token"


@pytest.mark.each_database
def test_a_token_is_kept_sealed_and_used_by_all_processes(platform: Platform, registration: Registration) -> None:
    url = platform.serve("/items", [])
    client_of(registration).get_page(url, LINE_ITEMS)
    client_of(registration).get_page(url, LINE_ITEMS)
    assert len(platform.given) == 1
    db.session.rollback()  # ends this test's own reading of the registration, which saw an older state
    kept = db.session.scalars(select(AccessToken)).one()
    assert platform.given[0] not in kept.sealed
    assert kept.scopes.split() == sorted(SCOPES)


def test_tokens_of_different_scopes_are_kept_apart(platform: Platform, registration: Registration) -> None:
    url = platform.serve("/items", [])
    client_of(registration).get_page(url, LINE_ITEMS)
    ServiceClient(registration, SCOPES[:1], current.http()).get_page(url, LINE_ITEMS)
    assert len(platform.given) == 2


def test_a_token_is_renewed_a_minute_before_it_ends(platform: Platform, service: ServiceClient) -> None:
    url = platform.serve("/items", [])
    service.get_page(url, LINE_ITEMS)
    for seconds, given in ((3530, 1), (3545, 2)):
        with time_machine.travel(clock.now() + timedelta(seconds=seconds)):
            platform.token_seconds = 7200
            service.get_page(url, LINE_ITEMS)
        assert len(platform.given) == given


def test_a_token_that_is_refused_is_renewed_once_and_the_call_repeated(
    platform: Platform, service: ServiceClient
) -> None:
    url = platform.serve("/items", [1])
    service.get_page(url, LINE_ITEMS)
    platform.forget_tokens()
    assert service.get_page(url, LINE_ITEMS).body == [1]
    assert len(platform.given) == 2
    assert service.requests == 3


def test_a_service_that_refuses_a_new_token_too_is_not_asked_a_third_time(
    platform: Platform, service: ServiceClient
) -> None:
    url = platform.serve("/items", Answer({"reason": "Unauthorized"}, 401))
    with pytest.raises(ServiceRefused, match="Unauthorized"):
        service.get_page(url, LINE_ITEMS)
    assert platform.count("/items") == 2


def test_a_refusal_names_what_the_platform_did_not_grant(platform: Platform, service: ServiceClient) -> None:
    platform.granted = " ".join(SCOPES[:2])
    with pytest.raises(ServiceRefused) as refusal:
        service.get_page(platform.serve("/members", Answer({}, 403)), LINE_ITEMS)
    assert "reading names and roles" in refusal.value.shown_message
    assert "line items" not in refusal.value.shown_message


def test_a_kept_token_that_no_key_opens_any_more_is_replaced(platform: Platform, registration: Registration) -> None:
    url = platform.serve("/items", [])
    client_of(registration).get_page(url, LINE_ITEMS)
    with transaction() as session:
        session.scalars(select(AccessToken)).one().sealed = "of another secret"
    client_of(registration).get_page(url, LINE_ITEMS)
    assert len(platform.given) == 2


def test_a_token_in_an_answer_that_calls_itself_html_is_read(platform: Platform, service: ServiceClient) -> None:
    platform.token_media_type = "text/html"
    assert service.get_page(platform.serve("/items", [1]), LINE_ITEMS).body == [1]


@pytest.mark.parametrize("seconds", [None, "soon", -5, [], "3600", 1e300])
def test_an_odd_life_of_a_token_does_no_harm(platform: Platform, service: ServiceClient, seconds: Any) -> None:
    platform.token_seconds = seconds
    assert service.get_page(platform.serve("/items", [1]), LINE_ITEMS).body == [1]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (
            Answer({"error": "invalid_client"}, 400, media_type="text/html"),
            ServiceRefused,
            "does not recognise this tool",
        ),
        (Answer({"error": "invalid_scope"}, 400), ScopesRefused, "reading line items, reading results, reading names"),
        (Answer({"error": "Expired token"}, 400), ServiceRefused, "“Expired token”"),
        (Answer("<html><title>Error | peer</title>", 404), ServiceFailed, "“Error | peer”"),
        (Answer("<html><TITLE>\n Log in &amp; go</TITLE>", 200), ServiceFailed, "a web page, “Log in & go”"),
        (Answer("", 500), ServiceFailed, "HTTP 500"),
        (Answer("", 302, {"Location": "https://elsewhere.example/"}), ServiceFailed, "HTTP 302"),
        (Answer({"token": 1}), ServiceFailed, "without a token"),
        (Answer([]), ServiceFailed, "without a token"),
        (Answer({"access_token": 5}), ServiceFailed, "without a token"),
    ],
)
def test_a_token_service_without_a_token_is_described(
    platform: Platform, service: ServiceClient, answer: Answer, kind: type[ServiceFailed], words: str
) -> None:
    platform.token_answers = [answer]
    with pytest.raises(ServiceFailed) as fault:
        service.get_page(platform.serve("/items", []), LINE_ITEMS)
    assert type(fault.value) is kind
    assert words in fault.value.shown_message


@pytest.mark.parametrize("case", json.loads((MOODLE / "token-cases.json").read_text()).values())
def test_moodles_recorded_token_answers_are_understood(
    platform: Platform, registration: Registration, case: dict[str, Any]
) -> None:
    platform.token_answers = [Answer(case["body"], case["status"], media_type="text/html")]
    asks = TokenRequest.of(registration, SCOPES)
    if case["status"] == 200:
        token = service_tokens.token(asks, current.http())
        assert token.value == json.loads(case["body"])["access_token"]
        assert token.withheld == ()
        assert token.is_fresh()
    else:
        with pytest.raises(ServiceRefused) as fault:
            service_tokens.token(asks, current.http())
        assert json.loads(case["body"])["error"] in fault.value.detail


def test_of_a_refused_client_operators_learn_where_its_keys_are_and_instructors_no_addresses(
    platform: Platform, service: ServiceClient, settings: Settings
) -> None:
    platform.token_answers = [Answer({"error": "invalid_client"}, 401)]
    with pytest.raises(ServiceRefused) as fault:
        service.get_page(platform.serve("/items", []), LINE_ITEMS)
    assert f"client id {CLIENT_ID}" in fault.value.detail
    assert f"{settings.base_url}/lti/jwks.json" in fault.value.detail
    assert "://" not in fault.value.shown_message + fault.value.shown_guidance


def test_a_busy_token_service_is_asked_again_later(platform: Platform, service: ServiceClient) -> None:
    platform.token_answers = [Answer("", 429, {"Retry-After": "120"})]
    with pytest.raises(ServiceThrottled) as fault:
        service.get_page(platform.serve("/items", []), LINE_ITEMS)
    assert fault.value.seconds == 120


# Pages


def test_the_media_type_is_named_exactly(platform: Platform, service: ServiceClient) -> None:
    service.get_page(platform.serve("/items", [], accept=LINE_ITEMS), LINE_ITEMS)
    assert platform.asked[-1].accept == LINE_ITEMS


def test_pages_are_followed_by_their_opaque_bookmarks(platform: Platform, service: ServiceClient) -> None:
    url = platform.serve_pages("/items", list(range(25)), 10, accept=LINE_ITEMS)
    assert rows(service, url) == list(range(25))
    assert service.requests == 3


def test_moodles_curly_quotes_are_followed(platform: Platform, service: ServiceClient) -> None:
    recorded = json.loads((MOODLE / "ags-lineitems.json").read_text().replace("http://127.0.0.1:8100", platform.url))
    first, second = recorded["GET lineitems sync2"]["body"]
    path = "/mod/lti/services.php/2/lineitems?type_id=1&limit=1"
    url = platform.serve(path, Answer([first], headers={"Link": recorded["limit=1"]["headers"]["Link"]}))
    last = recorded["limit=1&from=1"]["headers"]["Link"]
    platform.serve(f"{path}&from=1", Answer([second], headers={"Link": last}))
    assert rows(service, url) == [first, second]


def test_a_relative_next_page_is_followed(platform: Platform, service: ServiceClient) -> None:
    url = platform.serve("/items?a=B", Answer([1], headers={"Link": '<?a=B&page=Two>; rel="next"'}))
    platform.serve("/items?a=B&page=Two", [2])
    assert rows(service, url) == [1, 2]


def test_pages_in_a_circle_end_the_reading(platform: Platform, service: ServiceClient) -> None:
    url = platform.serve("/a", Answer([1], headers={"Link": '</b>; rel="next"'}))
    platform.serve("/b", Answer([2], headers={"Link": '</a>; rel="next"'}))
    with pytest.raises(ServiceFailed) as fault:
        rows(service, url)
    assert "circle" in fault.value.shown_message
    assert service.requests == 2


def test_pages_without_end_end_at_the_cap(platform: Platform, registration: Registration) -> None:
    url = platform.serve_pages("/items", list(range(10)), 1, accept=LINE_ITEMS)
    with pytest.raises(ServiceFailed) as fault:
        rows(client_of(registration, page_cap=5), url)
    assert "more than 5 pages" in fault.value.shown_message


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/items",
        "http://127.0.0.1:9/items",
        "//evil.example/items",
        "https://127.0.0.1/items",
        "file:///etc/passwd",
        "http://[broken",
        "http://evil.example\\@127.0.0.1/",
    ],
)
def test_a_next_page_elsewhere_is_refused_and_gets_no_token(
    platform: Platform, service: ServiceClient, elsewhere: str
) -> None:
    url = platform.serve("/items", Answer([1], headers={"Link": f'<{elsewhere}>; rel="next"'}))
    with pytest.raises(AddressRefused):
        rows(service, url)


def test_a_service_of_another_host_gets_no_token(platform: Platform, service: ServiceClient) -> None:
    with pytest.raises(AddressRefused):
        service.get_page("https://evil.example/items", LINE_ITEMS)
    assert platform.given == []


def test_a_service_on_a_host_that_the_launch_named_is_read(platform: Platform) -> None:
    registration = building.registration(
        "https://issuer.example", client_id=CLIENT_ID, token_url=f"{platform.url}/token", jwks_url="https://x.example/"
    )
    elsewhere = platform.serve("/items", [1]).replace("127.0.0.1", "localhost")
    with pytest.raises(AddressRefused):
        client_of(registration).get_page(elsewhere, LINE_ITEMS)
    assert client_of(registration, named=[elsewhere]).get_page(elsewhere, LINE_ITEMS).body == [1]


def test_without_the_setting_no_private_host_is_asked_for_a_token(
    platform: Platform, registration: Registration, app: Flask
) -> None:
    from lti_cert.core.http import Session

    service = ServiceClient(registration, SCOPES, Session(allow_private=False))
    with pytest.raises(AddressRefused):
        service.get_page(platform.serve("/items", []), LINE_ITEMS)
    assert platform.asked == []


@pytest.mark.parametrize("url", ["http://93.184.215.14/items", "https://127.0.0.1/items", "https://[::1]/items"])
def test_a_service_that_a_launch_named_must_be_https_and_public(platform: Platform, url: str, app: Flask) -> None:
    from lti_cert.core.http import Session

    registration = building.registration(platform.url, client_id=CLIENT_ID)
    client_of(registration).get_page(platform.serve("/items", []), LINE_ITEMS)  # its token is known by now
    service = ServiceClient(registration, SCOPES, Session(allow_private=False), named=[url])
    with pytest.raises(AddressRefused):
        service.get_page(url, LINE_ITEMS)


# Connections


@pytest.mark.usefixtures("app", "own_keys")
def test_token_and_pages_come_over_one_connection() -> None:
    with kept_connections.running() as platform:
        assert rows(client_of(building.registration(platform.url)), f"{platform.url}/items?left=25") == [
            *reversed(range(25))
        ]
        assert (platform.requests, platform.connections) == (1 + 25, 1)


@pytest.mark.usefixtures("app", "own_keys")
def test_threads_need_no_more_connections_than_they_are() -> None:
    with kept_connections.running() as platform:
        service = client_of(building.registration(platform.url))
        urls = [f"{platform.url}/items?left={left}" for left in range(1, 41)]
        read = side_by_side.each(lambda url: service.get_page(url, LINE_ITEMS).body, urls, parallel=4)
        assert len(list(read)) == 40
        assert platform.requests == 1 + 40
        assert platform.connections <= 4


# Trouble


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (Answer("403 Forbidden (Rate Limit Exceeded)", 403, {"X-Rate-Limit-Remaining": "0.0"}, "text/plain"), 30),
        (Answer({}, 403, {"X-Rate-Limit-Remaining": "0.0"}), 30),
        (Answer("", 403, {"X-Rate-Limit-Remaining": "-3", "Retry-After": "7"}), 7),
        (Answer("Too many", 429, {"Retry-After": "600"}), 600),
        (Answer("", 503, {"Retry-After": "3600"}), 3600),
    ],
)
def test_throttling_says_how_long_to_stay_away(
    platform: Platform, service: ServiceClient, answer: Answer, seconds: float
) -> None:
    with pytest.raises(ServiceThrottled) as fault:
        service.get_page(platform.serve("/items", answer), LINE_ITEMS)
    assert fault.value.seconds == seconds
    assert platform.count("/items") == 1


def test_a_short_pause_is_sat_out(platform: Platform, service: ServiceClient) -> None:
    url = platform.serve("/items", Answer("", 429, {"Retry-After": "1"}), [1])
    assert service.get_page(url, LINE_ITEMS).body == [1]


def test_a_pause_in_no_known_words_is_no_fault(platform: Platform, service: ServiceClient) -> None:
    url = platform.serve("/items", Answer("", 503, {"Retry-After": "soon"}), [1])
    assert service.get_page(url, LINE_ITEMS).body == [1]


def test_a_bucket_that_runs_low_slows_the_reading_down(platform: Platform, service: ServiceClient) -> None:
    slept: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lti_cert.lti.page_client.time.sleep", slept.append)
        service.get_page(platform.serve("/items", Answer([], headers={"X-Rate-Limit-Remaining": "100.5"})), LINE_ITEMS)
    assert slept == [4.95]


@pytest.mark.parametrize(
    ("remaining", "seconds"), [("700", 0), ("150", 0), ("50", 10), ("140", 1), ("-900", 10), ("nan", 0), ("x", 0)]
)
def test_a_bucket_that_runs_low_is_given_time(remaining: str, seconds: float) -> None:
    assert breath({"X-Rate-Limit-Remaining": remaining}) == seconds
    assert breath({}) == 0


@pytest.mark.parametrize("status", [400, 404, 410, 412, 422, 302])
def test_other_answers_keep_their_status_and_their_reason(
    platform: Platform, service: ServiceClient, status: int
) -> None:
    body = {"errors": {"type": "x", "message": "what   happened"}}
    with pytest.raises(ServiceFailed, match="what happened") as fault:
        service.get_page(platform.serve("/items", Answer(body, status)), LINE_ITEMS)
    assert type(fault.value) is ServiceFailed
    assert fault.value.http_status == status


def test_a_refusal_is_told_from_throttling(platform: Platform, service: ServiceClient) -> None:
    url = platform.serve("/items", Answer({"errors": [{"message": "no"}]}, 403, {"X-Rate-Limit-Remaining": "600.5"}))
    with pytest.raises(ServiceRefused, match="“no”"):
        service.get_page(url, LINE_ITEMS)


def test_an_error_that_passes_is_outlived(platform: Platform, service: ServiceClient) -> None:
    url = platform.serve("/items", Answer("", 502), Answer("", 503), [1])
    assert service.get_page(url, LINE_ITEMS).body == [1]


def test_an_error_that_stays_fails_the_page(platform: Platform, service: ServiceClient) -> None:
    with pytest.raises(ServiceFailed, match="HTTP 500") as fault:
        service.get_page(platform.serve("/items", Answer("", 500)), LINE_ITEMS)
    assert type(fault.value) is ServiceFailed
    assert platform.count("/items") == 4


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer("<html><title>Maintenance</title>"), "a web page, “Maintenance”,"),
        (Answer('[{"id": 1}, {"i'), "broken or cut off"),
        (Answer(""), "an empty answer"),
        (Answer('[{"score": NaN}]'), "broken or cut off"),
        (Answer("[" * 200_000), "broken or cut off"),
        (Answer("[" + "9" * 5000 + "]"), "broken or cut off"),
    ],
)
def test_what_is_no_json_is_described(platform: Platform, service: ServiceClient, answer: Answer, words: str) -> None:
    with pytest.raises(ServiceFailed) as fault:
        service.get_page(platform.serve("/items", answer), LINE_ITEMS)
    assert words in fault.value.shown_message


@pytest.mark.parametrize("answer", [Answer([1, 2, 3], is_cut_off=True), Answer([], is_dropped=True)])
def test_a_broken_connection_is_no_answer(platform: Platform, service: ServiceClient, answer: Answer) -> None:
    with pytest.raises(PlatformUnreachable):
        service.get_page(platform.serve("/items", answer), LINE_ITEMS)


def test_faults_name_the_address_without_its_query(platform: Platform, service: ServiceClient) -> None:
    with pytest.raises(ServiceFailed) as fault:
        service.get_page(platform.serve("/items?user_id=jane", Answer({}, 400)), LINE_ITEMS)
    assert f"{platform.url}/items" in fault.value.detail
    assert "jane" not in fault.value.detail


# Rows


def line_item(**changes: Any) -> dict[str, Any]:
    return {"id": "https://lms.example/1", "label": "Essay", "scoreMaximum": 10, **changes}


def result(**changes: Any) -> dict[str, Any]:
    return {"userId": "u1", "resultScore": 8, "resultMaximum": 10, **changes}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"items": []}, "a list was expected"),
        ([5], "a row is no object"),
        ([line_item(id=None)], "the line item “Essay” has no “id”"),
        ([line_item(id=["x"])], "the line item “Essay” has no “id”"),
        ([line_item(scoreMaximum="many")], "“scoreMaximum” of the line item “Essay” is no number"),
        ([line_item(scoreMaximum=True)], "“scoreMaximum” of the line item “Essay” is no number"),
    ],
)
def test_a_line_item_that_cannot_be_read_is_named(
    platform: Platform, service: ServiceClient, body: Any, words: str
) -> None:
    with pytest.raises(ServiceFailed) as fault:
        ags.line_items(service, platform.serve("/items", body))
    assert words in fault.value.shown_message


def results(service: ServiceClient, line_item_id: str) -> list[ags.Result]:
    return [result for page, _ in ags.result_pages(service, ags.results_url(line_item_id)) for result in page]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (result(userId=""), "a result has no “userId”"),
        (result(userId=None), "a result has no “userId”"),
        (result(userId=True), "a result has no “userId”"),
        (result(resultScore="8"), "“resultScore” of a result is no number"),
        (result(resultScore={}), "“resultScore” of a result is no number"),
        (result(resultScore=False), "“resultScore” of a result is no number"),
        (result(resultMaximum="10"), "“resultMaximum” of a result is no number"),
        (result(resultMaximum=0), "a result of 8 points is out of 0"),
        (result(resultMaximum=-1), "a result of 8 points is out of -1"),
        (result(resultMaximum=None), "a result of 8 points does not say of how many"),
    ],
)
def test_a_result_that_cannot_be_read_is_never_a_zero(
    platform: Platform, service: ServiceClient, row: Any, words: str
) -> None:
    platform.serve("/items/1/results", [result(), row])
    with pytest.raises(ServiceFailed) as fault:
        results(service, f"{platform.url}/items/1")
    assert words in fault.value.shown_message


def test_a_number_beyond_floats_is_no_number(platform: Platform, service: ServiceClient) -> None:
    platform.serve("/items/1/results", Answer('[{"userId": "u1", "resultScore": 1e999}]'))
    with pytest.raises(ServiceFailed):
        results(service, f"{platform.url}/items/1")


def test_results_are_read_as_the_standard_has_them(platform: Platform, service: ServiceClient) -> None:
    platform.serve(
        "/items/1/results?type_id=2",
        [result(userId=7), {"userId": "u2"}, result(userId="u3", resultScore=None), {"userId": "u4", "resultScore": 1}],
        accept=RESULTS,
    )
    found = results(service, f"{platform.url}/items/1?type_id=2")
    assert [(r.user_id, r.score, r.maximum) for r in found] == [
        ("7", 8, 10),
        ("u2", None, 1),
        ("u3", None, 1),
        ("u4", 1, 1),
    ]


def test_members_of_one_resource_link_are_asked_for_by_its_id(platform: Platform, service: ServiceClient) -> None:
    platform.serve("/members?v=2&rlid=a+b%26c&limit=5", {"members": [{"user_id": "u1"}]}, accept=nrps.MEMBERS_TYPE)
    address = nrps.first_page(f"{platform.url}/members?v=2", 5, resource_link_id="a b&c")
    ((members, _),) = nrps.member_pages(service, address)
    (member,) = members
    assert (member.user_id, member.is_active, member.roles) == ("u1", True, frozenset())


@pytest.mark.parametrize(
    ("line_item_id", "expected"),
    [
        ("https://x.example/1", "https://x.example/1/results"),
        ("https://x.example/1/", "https://x.example/1/results"),
        ("https://x.example/1/lineitem?type_id=1&A=b%2f", "https://x.example/1/lineitem/results?type_id=1&A=b%2f"),
    ],
)
def test_results_stand_before_the_query(line_item_id: str, expected: str) -> None:
    assert ags.results_url(line_item_id) == expected
