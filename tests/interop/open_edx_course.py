"""The course, the people and the doors of the platform: what Open edX keeps outside its LTI package.

Everything between platform and tool (login, launch, keys, tokens, AGS, NRPS) is answered by the package's own views.
"""

import itertools
import json
from types import SimpleNamespace
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import include, path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from lti_consumer import api
from lti_consumer.data import Lti1p3LaunchData
from lti_consumer.models import CourseAllowPIISharingInLTIFlag, Lti1p3Passport, LtiAgsLineItem, LtiConfiguration
from lti_consumer.plugin import compat
from lti_consumer.utils import get_lms_lti_access_token_link, get_lms_lti_keyset_link, get_lms_lti_launch_link
from opaque_keys.edx.keys import CourseKey, UsageKey

TITLE = "Marine Biology - Interop University"

PEOPLE = {
    number: {"id": number, "username": username, "name": name, "email": f"{username}@edx.example", "roles": [role]}
    for number, (username, name, role) in enumerate(
        [
            ("ines", "Inês Instructor", "instructor"),
            ("dara", "Dara Distinction", "student"),
            ("cleo", "Cleo Completion", "student"),
            ("nils", "Nils Nearly", "student"),
            ("mio", "Mio Missing-One", "student"),
        ],
        start=1,
    )
}

MAXIMA = {"Reefs": 20, "Tides": 50, "Field report": 100}

SCORES = {
    "dara": {"Reefs": 19, "Tides": 45, "Field report": 90},
    "cleo": {"Reefs": 14, "Tides": 35.5, "Field report": 71},
    "nils": {"Reefs": 17.4, "Tides": 40, "Field report": 59},
    "mio": {"Reefs": 20, "Tides": 50},
}

_courses = itertools.count(1)


def external_id(person: dict[str, Any]) -> str:
    return str(uuid5(NAMESPACE_URL, person["email"]))


# -- what the package asks the rest of Open edX for

compat.get_course_members = lambda _course: {number: {**person} for number, person in PEOPLE.items()}
compat.batch_get_or_create_externalids = lambda _users: {
    number: SimpleNamespace(external_user_id=external_id(person)) for number, person in PEOPLE.items()
}
compat.load_block_as_user = lambda location: SimpleNamespace(
    has_score=False, scope_ids=SimpleNamespace(usage_id=location)
)


compat.user_has_studio_write_access = lambda _user, _course: True
"""There is no logging in here: whoever brings an answer that the tool signed is taken for the author who asked."""


# -- the doors


@csrf_exempt
def connect(request: HttpRequest) -> JsonResponse:
    """A course author enters a tool's addresses; each time a new course with a registration of its own."""
    tool = json.loads(request.body)
    course = CourseKey.from_string(f"course-v1:Interop+MB101+run{next(_courses)}")
    passport = Lti1p3Passport.objects.create(
        name=TITLE,
        lti_1p3_tool_keyset_url=tool["keyset_url"],
        lti_1p3_internal_private_key=_private_key(),
        lti_1p3_internal_private_key_id=str(uuid4()),
    )
    config = LtiConfiguration.objects.create(
        version=LtiConfiguration.LTI_1P3,
        config_store=LtiConfiguration.CONFIG_ON_DB,
        location=UsageKey.from_string(
            f"block-v1:{course.org}+{course.course}+{course.run}+type@lti_consumer+block@unit"
        ),
        lti_1p3_passport=passport,
        lti_1p3_oidc_url=tool["login_url"],
        lti_1p3_launch_url=tool["launch_url"],
        lti_advantage_ags_mode=LtiConfiguration.LTI_ADVANTAGE_AGS_PROGRAMMATIC,
        lti_advantage_enable_nrps=True,
        lti_advantage_deep_linking_enabled=True,
        lti_advantage_deep_linking_launch_url=tool["launch_url"],
    )
    CourseAllowPIISharingInLTIFlag.objects.create(course_id=course, enabled=True)
    _fill_gradebook(config)
    consumer = config.get_lti_consumer()
    return JsonResponse(
        {
            "id": config.pk,
            "issuer": consumer.iss,
            "client_id": consumer.client_id,
            "deployment_id": consumer.deployment_id,
            "auth_url": get_lms_lti_launch_link(),
            "token_url": get_lms_lti_access_token_link(passport.passport_id),
            "keyset_url": get_lms_lti_keyset_link(passport.passport_id),
            "line_items_url": consumer.lti_ags.lineitems_url,
            "memberships_url": consumer.lti_nrps.context_memberships_url,
            "context_id": str(course),
            "people": {person["username"]: external_id(person) for person in PEOPLE.values()},
            "maxima": MAXIMA,
            "scores": SCORES,
        }
    )


def _private_key() -> str:
    # The package would make one itself, in pure Python, which takes seconds.
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def _fill_gradebook(config: LtiConfiguration) -> None:
    for label, maximum in MAXIMA.items():
        LtiAgsLineItem.objects.create(
            lti_configuration=config,
            label=label,
            score_maximum=maximum,
            resource_id=label.lower(),
            # As in Open edX, the first item belongs to the unit and the others were made by tools.
            resource_link_id=config.location if label == next(iter(MAXIMA)) else None,
        )
    for username, scores in SCORES.items():
        for label, score in scores.items():
            _enter(config, username, label, score)


def _person(username: str) -> dict[str, Any]:
    return next(person for person in PEOPLE.values() if person["username"] == username)


def _enter(config: LtiConfiguration, username: str, label: str, score: float | None) -> None:
    item = get_object_or_404(LtiAgsLineItem, lti_configuration=config, label=label)
    item.scores.update_or_create(
        user_id=external_id(_person(username)),
        defaults={
            "score_given": score,
            "score_maximum": item.score_maximum,
            "activity_progress": "Completed",
            "grading_progress": "FullyGraded",
            "timestamp": timezone.now(),
        },
    )


@csrf_exempt
def grade(request: HttpRequest, pk: int) -> HttpResponse:
    """Enter a score; null takes it away."""
    entry = json.loads(request.body)
    _enter(get_object_or_404(LtiConfiguration, pk=pk), entry["username"], entry["label"], entry["score"])
    return HttpResponse(status=204)


def open_unit(request: HttpRequest, pk: int, username: str) -> HttpResponseRedirect:
    """Somebody opens the unit that holds the tool, or what was chosen in it: the first step of a launch."""
    return HttpResponseRedirect(api.get_lti_1p3_content_url(_launch(pk, username)))


def choose(request: HttpRequest, pk: int, username: str) -> HttpResponseRedirect:
    """The author is asked by the tool what the unit is to show."""
    return HttpResponseRedirect(api.get_lti_1p3_launch_start_url(_launch(pk, username), deep_link_launch=True))


def chosen(request: HttpRequest, pk: int) -> JsonResponse:
    items = get_object_or_404(LtiConfiguration, pk=pk).ltidlcontentitem_set.all()
    return JsonResponse({"items": [{"type": item.content_type, **item.attributes} for item in items]})


def _launch(pk: int, username: str) -> Lti1p3LaunchData:
    config = get_object_or_404(LtiConfiguration, pk=pk)
    person = _person(username)
    course = str(config.location.course_key)
    return Lti1p3LaunchData(
        user_id=person["id"],
        user_role=person["roles"][0],
        config_id=config.config_id,
        resource_link_id=str(config.location),
        external_user_id=external_id(person),
        preferred_username=username,
        name=person["name"],
        email=person["email"],
        launch_presentation_document_target="iframe",
        context_id=course,
        context_type=["course_offering"],
        context_title=TITLE,
        context_label=course,
    )


urlpatterns = [
    path("tools", connect),
    path("tools/<int:pk>/open/<slug:username>", open_unit),
    path("tools/<int:pk>/choose/<slug:username>", choose),
    path("tools/<int:pk>/chosen", chosen),
    path("tools/<int:pk>/grade", grade),
    path("api/", include("lti_consumer.plugin.urls", namespace="lti_consumer")),
]
