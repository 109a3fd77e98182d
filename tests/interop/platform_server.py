"""Serves Open edX' own LTI 1.3 platform on a loopback port, in its own virtual environment, without lti_cert.

Usage: platform_server.py FOLDER. Prints one line of JSON when it listens and ends when its standard input does.
"""

import json
import sys
import threading
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application


def configure(folder: Path, origin: str) -> None:
    """The least of Open edX' own settings that its LTI views stand on."""
    settings.configure(
        SECRET_KEY="only for tests",
        ALLOWED_HOSTS=["localhost", "127.0.0.1"],
        ROOT_URLCONF="open_edx_course",
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sessions",
            "rest_framework",
            "django_filters",
            "config_models",
            "lti_consumer",
        ],
        MIDDLEWARE=[
            "edx_django_utils.cache.middleware.RequestCacheMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "crum.CurrentRequestUserMiddleware",
        ],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "open_edx.sqlite3"}},
        CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        USE_TZ=True,
        SERVICE_VARIANT="lms",
        PLATFORM_NAME="Open edX",
        LMS_ROOT_URL=origin,
        LMS_BASE=origin.partition("//")[2],
        LEARNING_MICROFRONTEND_URL=origin,
        USAGE_ID_PATTERN=r"(?P<usage_id>block-v1:[^/]+)",
        FEATURES={},
    )
    django.setup()
    call_command("migrate", verbosity=0)


def main() -> None:
    server = ThreadedWSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
    origin = f"http://localhost:{server.server_port}"
    configure(Path(sys.argv[1]), origin)
    server.set_app(get_wsgi_application())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"origin": origin}), flush=True)  # noqa: T201  (this is how it says that it is ready)
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()
