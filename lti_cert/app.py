"""The application, put together: read `create_app` from top to bottom to know what it is made of."""

import secrets
from pathlib import Path

from flask import Flask
from pydantic import SecretStr
from werkzeug.middleware.proxy_fix import ProxyFix

from lti_cert.activity import views as activity_views
from lti_cert.core import (
    audit,  # noqa: F401  (its table belongs to the application, whoever writes to it)
    health,
    http,
    resources,
)
from lti_cert.core.database import init_database
from lti_cert.core.web import init_web
from lti_cert.jobs import JOBS
from lti_cert.launch import views as launch_views
from lti_cert.panel import views as panel_views
from lti_cert.settings import Settings
from lti_cert.verification import views as verification_views

LARGEST_REQUEST = 4 * 1024 * 1024


def create_app(settings: Settings) -> Flask:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    settings = _with_secret_key(settings)
    app = Flask("lti_cert", template_folder=str(resources.TEMPLATES), static_folder=str(resources.STATIC))
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
    app.config["SECRET_KEY"] = settings.secret_key[0].get_secret_value()
    app.extensions["settings"] = settings
    app.extensions["http"] = http.session(settings)
    app.extensions["jobs"] = JOBS
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]  # Flask's own way
    init_database(app, settings)
    init_web(app)
    for blueprint in (launch_views.bp, panel_views.bp, verification_views.bp, activity_views.bp, health.bp):
        app.register_blueprint(blueprint)
    return app


def _with_secret_key(settings: Settings) -> Settings:
    """The key of the settings, or one made at first start and kept in the data directory."""
    if settings.secret_key:
        return settings
    path = settings.data_dir / "secret_key"
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(48))
    return settings.model_copy(update={"secret_key": [SecretStr(path.read_text().strip())]})


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
