"""How products differ as platforms, so that the demo LMS can behave like one of them."""

from dataclasses import dataclass, field

_AGS = "https://purl.imsglobal.org/spec/lti-ags/scope"
LINEITEM, LINEITEM_READONLY = f"{_AGS}/lineitem", f"{_AGS}/lineitem.readonly"
RESULT_READONLY, SCORE = f"{_AGS}/result.readonly", f"{_AGS}/score"
MEMBERSHIP_READONLY = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"

_CANVAS = "https://canvas.instructure.com/lti/"


@dataclass(frozen=True)
class Manners:
    family_code: str = "lti-cert-demo-lms"
    gives_token: bool = True
    """Whether a registration needs the token that the tool was opened with."""
    names_deployment: bool = True
    """Whether its answer names the deployment."""
    refuses_unknown_scopes: bool = False
    """Answers 422 where others pass them over."""
    has_plain_errors: bool = False
    """Errors are a word or two, called HTML."""
    compares_domain: bool = False
    """The tool's domain must be the host and port of its target link."""
    scopes: tuple[str, ...] = (LINEITEM, LINEITEM_READONLY, RESULT_READONLY, SCORE, MEMBERSHIP_READONLY)
    placements: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {"LtiResourceLinkRequest": (), "LtiDeepLinkingRequest": ("ContentArea",)}
    )
    variables: tuple[str, ...] = ("Context.id", "Context.id.history", "ResourceLink.id", "User.id")
    authorization_server: str = ""


CANVAS = Manners(
    family_code="canvas",
    names_deployment=False,
    refuses_unknown_scopes=True,
    scopes=(LINEITEM, LINEITEM_READONLY, RESULT_READONLY, SCORE, MEMBERSHIP_READONLY, "openid"),
    placements={
        "LtiResourceLinkRequest": (f"{_CANVAS}account_navigation", f"{_CANVAS}course_navigation", "ContentArea"),
        "LtiDeepLinkingRequest": (f"{_CANVAS}editor_button", f"{_CANVAS}link_selection", "ContentArea"),
    },
    variables=("Context.id.history", "Canvas.course.id", "Canvas.user.id", "Canvas.api.baseUrl"),
    authorization_server="canvas.example.edu",
)
MOODLE = Manners(family_code="moodle", has_plain_errors=True, compares_domain=True)
BRIGHTSPACE = Manners(
    family_code="desire2learn", gives_token=False, names_deployment=False, authorization_server="urn:demo:tokens"
)
