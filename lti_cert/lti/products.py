"""What products do differently where the standard leaves it open: one strategy each, by `product_family_code`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lti_cert.lti import claims

RESOURCE_LINK, DEEP_LINKING = "LtiResourceLinkRequest", "LtiDeepLinkingRequest"

COURSE_HISTORY: Mapping[str, str] = {claims.CUSTOM_HISTORY: "$Context.id.history"}


@dataclass(frozen=True)
class Cloud:
    """A vendor's servers, whose customers share one issuer."""

    issuer: re.Pattern[str]
    domains: tuple[str, ...]
    """Its pages, and what it serves to tools, lie under these."""

    def holds(self, url: str) -> bool:
        host = urlsplit(url).hostname or ""
        return any(host == domain or host.endswith(f".{domain}") for domain in self.domains)


@dataclass(frozen=True)
class Preset:
    """The addresses of a product, so that nobody has to look for them. `{site}` stands for the address of one
    institution's site, `{client_id}` for the tool's client id there; what is None each platform says itself.
    """

    title: str
    issuer: str
    auth_url: str
    token_url: str | None
    jwks_url: str | None

    @property
    def needs_site(self) -> bool:
        return any("{site}" in (url or "") for url in (self.issuer, self.auth_url, self.token_url, self.jwks_url))


@dataclass(frozen=True)
class Product:
    name: str = "The learning platform"
    """As a sentence begins with it."""
    page_limit: int | None = None
    """Sent as `limit` to line items and results; None sends none, and takes the pages as they come."""
    members_limit: int | None = None
    """The same for names and roles."""
    parallel: int = 4
    """How many requests at a time."""
    links_with_address: bool = True
    """Whether a link that we hand over names the address it opens. Without one it opens what the registration says."""
    hears_texts: bool = False
    """Whether its pages take messages of `postMessage` as JSON texts only."""
    concluded: frozenset[int] = frozenset()
    """Statuses of a course's line items or members that mean, with certainty, that the course is concluded."""
    is_course_per_deployment: bool = True
    """Off: several deployments show the same course."""
    is_course_a_link: bool = False
    """Its roster takes the context id for a resource link too, so that it tells our custom fields of every member."""
    is_context_id_its_own: bool = False
    """Its own interface knows a course by the context id of launches, and a person by `sub`."""
    column_of: re.Pattern[str] | None = None
    """Finds in a line item's address the number under which the product's own interface knows that column."""
    is_client_id_shared: bool = False
    """One client id serves every institution, so that a new deployment is somebody else's until proved otherwise."""
    audience: str | None = None
    """`aud` of the assertions that buy tokens, where it is not the token address."""
    is_authorization_server_audience: bool = True
    """Off: what its OpenID configuration calls `authorization_server` is not what it takes as `aud`."""
    cloud: Cloud | None = None
    account_name: str = ""
    """The member of its platform configuration that names the institution."""
    placements: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {RESOURCE_LINK: (), DEEP_LINKING: ("ContentArea",)}
    )
    """Where the tool asks to appear, by message."""
    own_prefix: str = ""
    """Before the names of what is its own in a registration."""
    custom: Mapping[str, str] = field(
        default_factory=lambda: {**COURSE_HISTORY, claims.CUSTOM_END: "$CourseSection.timeFrame.end"}
    )
    """Custom parameters; no value may hold a “=”, since Moodle keeps them as lines of name=value."""
    tool_extensions: Mapping[str, object] = field(default_factory=dict)
    """Further members of the tool configuration of a registration."""
    message_extensions: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Further members of each message in it."""
    presets: Mapping[str, Preset] = field(default_factory=dict)
    after_registration: str = "Switch the tool on there, if the platform asks for it, and place it in a course."
    """What its administrator has to do next, where this tool has done its part."""

    def course_key(self, deployment_id: str) -> str:
        """What tells two courses of one registration and context id apart."""
        return deployment_id if self.is_course_per_deployment else ""


UNKNOWN = Product()

_CANVAS = "https://canvas.instructure.com/lti/"


def _canvas_cloud(environment: str, title: str) -> Preset:
    """Canvas signs as one issuer for all; tokens are asked for where the institution's data lie."""
    return Preset(
        title,
        issuer=f"https://canvas.{environment}instructure.com",
        auth_url=f"https://sso.{environment}canvaslms.com/api/lti/authorize_redirect",
        token_url="{site}/login/oauth2/token",
        jwks_url=f"https://sso.{environment}canvaslms.com/api/lti/security/jwks",
    )


CANVAS = Product(
    "Canvas",
    # Pages hold 10 rows unless asked otherwise.
    page_limit=100,
    members_limit=50,
    # A concluded course is "not found", or 422 behind a feature flag.
    concluded=frozenset({404, 422}),
    is_course_per_deployment=False,
    is_course_a_link=True,
    # A host name, while its token service compares with its own address.
    is_authorization_server_audience=False,
    cloud=Cloud(re.compile(r"https://canvas(\.[a-z]+)?\.instructure\.com"), ("instructure.com", "canvaslms.com")),
    account_name=f"{_CANVAS}account_name",
    placements={RESOURCE_LINK: ("course_navigation",), DEEP_LINKING: ("link_selection",)},
    own_prefix=_CANVAS,
    custom={
        **COURSE_HISTORY,
        # Canvas' own numbers, by which its REST API speaks of what LTI calls by other ids.
        claims.CUSTOM_END: "$Canvas.course.endAt",
        claims.CUSTOM_CANVAS_COURSE: "$Canvas.course.id",
        claims.CUSTOM_CANVAS_USER: "$Canvas.user.id",
        "canvas_api_base": "$Canvas.api.baseUrl",
    },
    tool_extensions={f"{_CANVAS}privacy_level": "public", f"{_CANVAS}tool_id": "lti_cert"},
    message_extensions={
        RESOURCE_LINK: {
            f"{_CANVAS}display_type": "full_width_in_context",
            # Each course decides for itself: a menu entry that leads to no certificate helps nobody.
            f"{_CANVAS}course_navigation/default_enabled": False,
            f"{_CANVAS}visibility": "members",
        },
        DEEP_LINKING: {f"{_CANVAS}launch_width": 800, f"{_CANVAS}launch_height": 600},
    },
    presets={
        "canvas": _canvas_cloud("", "Canvas in Instructure's cloud"),
        "canvas-beta": _canvas_cloud("beta.", "Canvas in Instructure's cloud, beta"),
        "canvas-test": _canvas_cloud("test.", "Canvas in Instructure's cloud, test"),
        "canvas-self-hosted": Preset(
            "Canvas on a server of your own",
            issuer="{site}",
            auth_url="{site}/api/lti/authorize_redirect",
            token_url="{site}/login/oauth2/token",
            jwks_url="{site}/api/lti/security/jwks",
        ),
    },
    after_registration=(
        "Close this window, confirm the registration in Canvas and switch it on for the account. "
        "Each course then shows it under Settings, Navigation."
    ),
)

MOODLE = Product(
    "Moodle",
    # `limit` crashes the results of 4.1 (an HTML page with 404); without it everything comes at once.
    parallel=2,
    is_context_id_its_own=True,
    column_of=re.compile(r"/mod/lti/services\.php/\d+/lineitems/(\d+)/lineitem(?:\?|$)"),
    # A link with an address is looked up by its host, and may end at another registration of the same host.
    links_with_address=False,
    presets={
        "moodle": Preset(
            "Moodle",
            issuer="{site}",
            auth_url="{site}/mod/lti/auth.php",
            token_url="{site}/mod/lti/token.php",
            jwks_url="{site}/mod/lti/certs.php",
        )
    },
    after_registration=(
        "In Moodle, under Manage tools, activate the tool and set its privacy and services as you want them."
    ),
)

BLACKBOARD = Product(
    "Blackboard",
    page_limit=1000,
    is_client_id_shared=True,
    cloud=Cloud(re.compile(r"https://blackboard\.com"), ("blackboard.com", "anthology.com")),
    presets={
        "blackboard": Preset(
            "Blackboard",
            issuer="https://blackboard.com",
            auth_url="https://developer.blackboard.com/api/v1/gateway/oidcauth",
            token_url="https://developer.blackboard.com/api/v1/gateway/oauth2/jwttoken",
            jwks_url="https://developer.blackboard.com/api/v1/management/applications/{client_id}/jwks.json",
        )
    },
    after_registration=(
        "Each institution adds the tool by its client id. Its deployment then waits here to be accepted."
    ),
)

BRIGHTSPACE = Product(
    "Brightspace",
    audience="https://api.brightspace.com/auth/token",
    presets={
        "brightspace": Preset(
            "Brightspace",
            issuer="{site}",
            auth_url="{site}/d2l/lti/authenticate",
            token_url="https://auth.brightspace.com/core/connect/token",
            jwks_url="{site}/d2l/.well-known/jwks",
        )
    },
    after_registration=(
        "In Brightspace, enable the registration, make a deployment of it, and make a link in that deployment."
    ),
)

SAKAI = Product(
    "Sakai",
    hears_texts=True,
    presets={
        "sakai": Preset(
            "Sakai",
            issuer="{site}",
            auth_url="{site}/imsoidc/lti13/oidc_auth",
            token_url=None,  # it ends with the number of the tool
            jwks_url="{site}/imsblis/lti13/keyset",
        )
    },
)

OPEN_EDX = Product(
    "Open edX",
    presets={
        # Keys and tokens have an address of their own for every block.
        "open-edx": Preset(
            "Open edX",
            issuer="{site}",
            auth_url="{site}/api/lti_consumer/v1/launch/",
            token_url=None,
            jwks_url=None,
        )
    },
)

_BY_FAMILY = {
    "canvas": CANVAS,
    "moodle": MOODLE,
    "blackboardlearn": BLACKBOARD,
    "desire2learn": BRIGHTSPACE,
    "sakai": SAKAI,
    # Its launches name none; registrations by hand do.
    "openedx": OPEN_EDX,
}

PRESETS: Mapping[str, tuple[str, Preset]] = {
    name: (family, preset) for family, product in _BY_FAMILY.items() for name, preset in product.presets.items()
}
"""`product_family_code` and addresses, by the preset's name."""


def of(family_code: str) -> Product:
    return _BY_FAMILY.get(family_code.casefold(), UNKNOWN)


def cloud_of(issuer: str) -> Cloud | None:
    """The vendor's cloud that signs as this issuer, if one does."""
    clouds = (product.cloud for product in _BY_FAMILY.values() if product.cloud)
    return next((cloud for cloud in clouds if cloud.issuer.fullmatch(issuer)), None)
