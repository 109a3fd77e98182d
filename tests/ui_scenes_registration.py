"""Around a launch: a platform that has registered itself, as its administrator sees it, and launches that go astray."""

from collections.abc import Iterator
from dataclasses import replace

from lti_cert.launch.failures import PlatformRefused
from lti_cert.lti import products
from lti_cert.registration.introduction import Introduced
from tests.ui_scenes import Scene

CANVAS = Introduced(
    registration_id=3,
    name="Example University",
    issuer="https://canvas.instructure.com",
    client_id="10000000000001",
    product=products.CANVAS,
    deployment_id="",
    is_active=True,
    accepts_new_deployments=True,
    is_update=False,
    scopes=(),
    lacks=(),
)
HOSTILE = "<b>O'Brien & Sons</b> “Löwen”"


def registration_scenes() -> Iterator[tuple[str, Scene]]:
    granted = "reading line items, reading results, reading names and roles"
    waiting = replace(
        CANVAS, name=HOSTILE, product=products.MOODLE, deployment_id="4", is_active=False, accepts_new_deployments=False
    )
    for name, platform, words, lacks in (
        ("registration-active", CANVAS, granted, ""),
        ("registration-waiting", waiting, granted, ""),
        ("registration-again", replace(CANVAS, is_update=True), "", granted),
    ):
        values = {"platform": platform, "granted": words, "lacks": lacks}
        yield name, Scene("registration/done.html", values, whole=True)
    reopen = "/lti/login?iss=https://lms.example.edu"
    proof = {"step": "prove", "platform": "https://lms.example.edu", "storage_target": "", "key": "k", "ticket": "t"}
    yield "launch-unproven", Scene("launch/handshake.html", {**proof, "reopen": reopen}, whole=True)
    yield "launch-refused", Scene("launch/reopen.html", {"fault": PlatformRefused(), "reopen": reopen}, whole=True)
    yield "launched-outside", Scene("launch/outside.html", {}, whole=True)
