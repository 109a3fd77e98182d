"""What we ask of a platform when it lets tools register themselves."""

import json
from pathlib import Path
from typing import Any

import pytest

from lti_cert.lti import dynamic_registration as registration
from lti_cert.lti.dynamic_registration import TOOL_CONFIGURATION, AnswerUnusable, ConfigurationUnusable

RECORDED = Path(__file__).parents[1] / "fixtures" / "moodle"
TOOL = "http://127.0.0.1:8101"
CANVAS = "https://canvas.instructure.com/lti/"

MINIMAL = {
    "issuer": "https://lms.example.edu",
    "authorization_endpoint": "https://lms.example.edu/auth",
    "token_endpoint": "https://lms.example.edu/token",
    "jwks_uri": "https://lms.example.edu/jwks",
    "registration_endpoint": "https://lms.example.edu/register?t=1",
}


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text())


def configuration(family_code: str = "", /, **platform: Any) -> registration.Configuration:
    more = {name: platform.pop(name) for name in list(platform) if name.endswith("_supported") and "mess" not in name}
    more |= {name: platform.pop(name) for name in ("authorization_server",) if name in platform}
    said = {"product_family_code": family_code, **platform}
    return registration.read_configuration({**MINIMAL, **more, registration.PLATFORM_CONFIGURATION: said})


def body(of: registration.Configuration, base_url: str = "https://tool.example.edu") -> dict[str, Any]:
    return registration.request_body(of, base_url)


def canvas() -> registration.Configuration:
    return configuration(
        "canvas",
        scopes_supported=["openid", *registration.SCOPES, "https://purl.imsglobal.org/spec/lti-ags/scope/score"],
        authorization_server="canvas.example.edu",
        messages_supported=[
            {"type": "LtiResourceLinkRequest", "placements": [f"{CANVAS}course_navigation", f"{CANVAS}top_navigation"]},
            {"type": "LtiDeepLinkingRequest", "placements": [f"{CANVAS}link_selection", "ContentArea"]},
        ],
        **{f"{CANVAS}account_name": "Example University"},
    )


def test_a_platform_that_says_little_is_asked_for_all_we_need() -> None:
    asked = body(configuration())
    assert asked["application_type"] == "web"
    assert asked["response_types"] == ["id_token"]
    assert set(asked["grant_types"]) == {"implicit", "client_credentials"}
    assert asked["initiate_login_uri"] == "https://tool.example.edu/lti/login"
    assert asked["redirect_uris"] == ["https://tool.example.edu/lti/launch"]
    assert asked["jwks_uri"] == "https://tool.example.edu/lti/jwks.json"
    assert asked["token_endpoint_auth_method"] == "private_key_jwt"
    assert asked["scope"].split() == list(registration.SCOPES)
    tool = asked[TOOL_CONFIGURATION]
    assert tool["domain"] == "tool.example.edu"
    assert tool["custom_parameters"] == {"context_id_history": "$Context.id.history"}
    assert [message["type"] for message in tool["messages"]] == ["LtiResourceLinkRequest", "LtiDeepLinkingRequest"]
    assert {message["target_link_uri"] for message in tool["messages"]} == {"https://tool.example.edu/lti/launch"}
    assert not any("placements" in message for message in tool["messages"])


def test_nothing_that_writes_is_ever_asked_for() -> None:
    every = ["lineitem", "lineitem.readonly", "result.readonly", "score"]
    offered = [f"https://purl.imsglobal.org/spec/lti-ags/scope/{scope}" for scope in every]
    asked = body(configuration(scopes_supported=offered))
    assert asked["scope"].split() == [offered[1], offered[2]]


def test_openid_connects_own_scopes_say_nothing_of_services() -> None:
    assert body(configuration(scopes_supported=["openid", "profile"]))["scope"].split() == list(registration.SCOPES)


def test_a_message_that_a_platform_does_not_know_is_left_out() -> None:
    only_links = configuration(messages_supported=[{"type": "LtiResourceLinkRequest"}, "nonsense"])
    assert [each["type"] for each in body(only_links)[TOOL_CONFIGURATION]["messages"]] == ["LtiResourceLinkRequest"]


def test_moodle_gets_what_its_recorded_configuration_offers_and_its_code_demands() -> None:
    of = registration.read_configuration(recorded("openid-configuration"))
    asked = body(of, TOOL)
    taken = recorded("registration-response")["request"]
    assert set(taken) - set(asked) == {"logo_uri"}
    for name in ("application_type", "response_types", "grant_types", "token_endpoint_auth_method"):
        assert asked[name] == taken[name]
    tool = asked[TOOL_CONFIGURATION]
    assert tool["domain"] == "127.0.0.1:8101"
    assert tool["target_link_uri"].startswith(f"http://{tool['domain']}/")
    assert tool["claims"] == ["iss", "sub", "name", "given_name", "family_name", "email"]
    assert set(tool["custom_parameters"].values()) == {"$Context.id.history"}
    assert not any("=" in value for value in tool["custom_parameters"].values())
    assert tool["messages"][1]["placements"] == ["ContentArea"]
    assert of.audience is None


@pytest.mark.parametrize(
    ("name", "client_id", "deployment_id"),
    [("registration-response", "gAgSgvPmY7g1rei", "4"), ("registration-response-readonly", "XWeJNxZ09dhIOEh", "6")],
)
def test_moodles_recorded_answers_name_client_and_deployment(name: str, client_id: str, deployment_id: str) -> None:
    content = recorded(name)
    assert registration.read_answer(content.get("body", content)) == registration.Answer(client_id, deployment_id)


def test_canvas_gets_its_extensions_and_its_own_placement_names() -> None:
    tool = body(canvas())[TOOL_CONFIGURATION]
    link, deep = tool["messages"]
    assert tool[f"{CANVAS}privacy_level"] == "public"
    assert link["placements"] == [f"{CANVAS}course_navigation"]
    assert link[f"{CANVAS}display_type"] == "full_width_in_context"
    assert link[f"{CANVAS}course_navigation/default_enabled"] is False
    assert link[f"{CANVAS}visibility"] == "members"
    assert deep["placements"] == [f"{CANVAS}link_selection"]
    assert tool["custom_parameters"] == {
        "context_id_history": "$Context.id.history",
        "canvas_course_id": "$Canvas.course.id",
        "canvas_user_id": "$Canvas.user.id",
        "canvas_api_base": "$Canvas.api.baseUrl",
    }
    assert all(isinstance(value, str) for value in tool["custom_parameters"].values())


def test_canvas_is_called_by_its_account_and_its_token_address_is_the_audience() -> None:
    assert canvas().name == "Example University"
    assert canvas().audience is None


def test_brightspaces_authorization_server_is_the_audience() -> None:
    server = "https://api.brightspace.com/auth/token"
    assert configuration("desire2learn", authorization_server=server).audience == server


def test_a_placement_may_be_listed_by_its_bare_name() -> None:
    bare = [{"type": "LtiResourceLinkRequest", "placements": ["course_navigation"]}]
    (link,) = body(configuration("canvas", messages_supported=bare))[TOOL_CONFIGURATION]["messages"]
    assert link["placements"] == ["course_navigation"]


@pytest.mark.parametrize("missing", MINIMAL)
@pytest.mark.parametrize("value", [None, "", 5, ["https://lms.example.edu"]])
def test_a_configuration_without_what_registering_needs_says_what_is_missing(missing: str, value: Any) -> None:
    with pytest.raises(ConfigurationUnusable) as refusal:
        registration.read_configuration(MINIMAL | {missing: value})
    assert missing in refusal.value.shown_message


@pytest.mark.parametrize("nonsense", [None, [], "text", 5])
def test_a_configuration_that_is_no_object_is_refused(nonsense: Any) -> None:
    with pytest.raises(ConfigurationUnusable):
        registration.read_configuration(nonsense)


@pytest.mark.parametrize("nonsense", [5, "x", [5], {"messages_supported": [5]}, {"messages_supported": {"type": []}}])
def test_nonsense_about_details_is_passed_over(nonsense: Any) -> None:
    lists = dict.fromkeys(("scopes_supported", "claims_supported"), nonsense)
    read = registration.read_configuration({**MINIMAL, **lists, registration.PLATFORM_CONFIGURATION: nonsense})
    assert body(read)["scope"]


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        ({"client_id": "c"}, ("c", "")),
        ({"client_id": 10000000000005}, ("10000000000005", "")),
        ({"client_id": "c", "deployment_id": "9:88"}, ("c", "9:88")),
        ({"client_id": "c", TOOL_CONFIGURATION: {"deployment_id": 4}}, ("c", "4")),
        ({"client_id": "c", TOOL_CONFIGURATION: "nonsense"}, ("c", "")),
    ],
)
def test_an_answer_names_the_client_and_perhaps_a_deployment(answer: Any, read: tuple[str, str]) -> None:
    assert registration.read_answer(answer) == registration.Answer(*read)


@pytest.mark.parametrize("answer", [None, [], {}, {"client_id": ""}, {"client_id": True}, {"client_id": ["c"]}])
def test_an_answer_without_a_client_id_is_none(answer: Any) -> None:
    with pytest.raises(AnswerUnusable):
        registration.read_answer(answer)
