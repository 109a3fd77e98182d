"""The demo LMS at 127.0.0.1 with the tool at localhost in its frames: another site."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from lti_cert.core.database import transaction
from lti_cert.demo.platform import Lms, Tool
from lti_cert.demo.sample_course import sample_course
from lti_cert.demo.serving import running, running_lms
from lti_cert.lti import registrations
from lti_cert.settings import Settings


@contextmanager
def tool_in_lms(app: Flask, settings: Settings) -> Iterator[Lms]:
    lms = Lms([sample_course()], [Tool.at(settings.base_url)])
    with running(app, "localhost", int(settings.base_url.rpartition(":")[2])), running_lms(lms):
        with transaction():
            registrations.add(
                issuer=lms.issuer,
                client_id=lms.tools[0].client_id,
                auth_url=f"{lms.issuer}/auth",
                token_url=lms.token_url,
                jwks_url=f"{lms.issuer}/jwks",
            )
        yield lms
