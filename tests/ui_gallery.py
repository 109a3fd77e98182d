"""Every page in every state, with made-up values, without a database: to look at, and to test.

`python -m tests.ui_gallery` shows them on loopback under the policy of the real pages;
`python -m tests.ui_gallery FOLDER` writes them as files.
"""

import sys
from functools import partial
from itertools import chain
from pathlib import Path

from flask import Flask, abort, render_template, render_template_string, request

from lti_cert.core import resources, web
from tests import ui_scenes, ui_scenes_decided, ui_scenes_registration
from tests.ui_scenes import Scene

SCENES: dict[str, Scene] = dict(
    chain(
        ui_scenes.learner_scenes(),
        ui_scenes.overview_scenes(),
        ui_scenes.rules_scenes(),
        ui_scenes.placing_scenes(),
        ui_scenes_decided.decided_scenes(),
        ui_scenes_registration.registration_scenes(),
    )
)

IN_THE_SHELL = """
{%- extends "panel/shell.html" %}
{% block panel %}
{% if heading is defined %}<h1>{{ heading }}</h1><h2>Evidence</h2>{% endif %}
{% include fragment %}
{% endblock %}
"""
INDEX = """
{%- extends "core/base.html" %}
{% block main %}
<h1>Gallery</h1>
<ul>
  {% for name in names %}
  <li><a href="/scene/{{ name }}">{{ name }}</a> · <a href="/scene/{{ name }}?rtl=1">right to left</a></li>
  {% endfor %}
</ul>
{% endblock %}
"""


def render(scene: Scene, rtl: bool = False) -> str:
    """The scene as a whole page; needs a request's context, as faults name its reference."""
    language = {"rtl": rtl, "lang": "ar" if rtl else "en"}
    if scene.whole:
        return render_template(scene.template, **language, **scene.values)
    return render_template_string(IN_THE_SHELL, fragment=scene.template, **language, **scene.values)


LINKED = {"/verify": "verification.form", "/lti/complete": "launch.complete"}
"""Addresses that pages link to, and that lead nowhere from here."""


def create_gallery() -> Flask:
    app = Flask("gallery", template_folder=str(resources.TEMPLATES), static_folder=str(resources.STATIC))
    web.init_web(app)
    for address, endpoint in LINKED.items():
        app.add_url_rule(address, endpoint, partial(abort, 404))

    @app.get("/")
    def index() -> str:
        return render_template_string(INDEX, names=SCENES)

    @app.get("/scene/<name>")
    def scene(name: str) -> str:
        return render(SCENES[name], rtl="rtl" in request.args)

    return app


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    client = create_gallery().test_client()
    for name in SCENES:
        (folder / f"{name}.html").write_bytes(client.get(f"/scene/{name}").data)


if __name__ == "__main__":
    if sys.argv[1:]:
        write(Path(sys.argv[1]))
    else:
        create_gallery().run("127.0.0.1", 8477, threaded=True)
