"""What `create_app` put beside the running application."""

from flask import current_app

from lti_cert.core.http import Session
from lti_cert.settings import Settings


def settings() -> Settings:
    found: Settings = current_app.extensions["settings"]
    return found


def http() -> Session:
    found: Session = current_app.extensions["http"]
    return found
