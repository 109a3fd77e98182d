"""The application, put together: read `create_app` from top to bottom to know what it is made of."""

import secrets
from contextlib import suppress
from pathlib import Path

from flask import Flask
from pydantic import SecretStr

from lti_cert.activity import views as activity_views
from lti_cert.admin import metrics
from lti_cert.admin import views as admin_views
from lti_cert.core import health, http, resources
from lti_cert.core.database import init_database
from lti_cert.core.proxies import init_proxies
from lti_cert.core.web import init_web
from lti_cert.jobs import JOBS
from lti_cert.launch import views as launch_views
from lti_cert.panel import views as panel_views
from lti_cert.registration import views as registration_views
from lti_cert.settings import SHORTEST_KEY, Settings, SettingsInvalid
from lti_cert.verification import views as verification_views

LARGEST_REQUEST = 4 * 1024 * 1024


def create_app(settings: Settings) -> Flask:
    settings.make_data_dir()
    settings = _with_secret_key(settings)
    app = Flask("lti_cert", template_folder=str(resources.TEMPLATES), static_folder=str(resources.STATIC))
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
    app.extensions["settings"] = settings
    app.extensions["http"] = http.session(settings)
    app.extensions["jobs"] = JOBS
    init_proxies(app, settings)
    init_database(app, settings)
    init_web(app)
    admin_views.init_console(app, settings)
    for blueprint in (
        launch_views.bp,
        registration_views.bp,
        panel_views.bp,
        verification_views.bp,
        admin_views.bp,
        activity_views.bp,
        health.bp,
        metrics.bp,
    ):
        app.register_blueprint(blueprint)
    metrics.init_metrics(app)  # last: it counts the requests of every route there is
    return app


def _with_secret_key(settings: Settings) -> Settings:
    """The key of the settings, or one made at first start and kept in the data directory."""
    if settings.secret_key:
        return settings
    path = settings.data_dir / "secret_key"
    try:
        if not path.exists():
            _write_private(path, secrets.token_urlsafe(48))
        key = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"LTI_CERT_SECRET_KEY is not set, and {path} cannot be used: {error}.") from None
    if len(key) < SHORTEST_KEY:
        raise SettingsInvalid(
            f"LTI_CERT_SECRET_KEY is not set, and {path} holds no whole key. Put it back from a backup; or remove it: "
            "one is made then, and platforms' interfaces have to be connected again."
        )
    return settings.model_copy(update={"secret_key": [SecretStr(key)]})


def _write_private(path: Path, text: str) -> None:
    """Whole or not at all; of several that begin at once, the first one's stays."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        draft.touch(mode=0o600)
        draft.write_text(text)
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
