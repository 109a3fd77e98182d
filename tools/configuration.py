"""Write docs/configuration.md from the fields of Settings: `python tools/configuration.py > docs/configuration.md`."""

from types import UnionType
from typing import Any, get_args, get_origin

from lti_cert.settings import Settings

HEAD = """# Configuration

Every setting is an environment variable with the prefix `LTI_CERT_`. They are read once at start and checked together:
all problems are reported at once, each with the variable's name. This page is generated from `lti_cert/settings.py`
(`make configuration`); a test holds it to that.

| variable | default | what it is |
| --- | --- | --- |
"""


def page() -> str:
    rows = [
        f"| `LTI_CERT_{name.upper()}` | {_default(field)} | {_in_a_cell(field.description or '')} |"
        for name, field in Settings.model_fields.items()
    ]
    return HEAD + "\n".join(rows) + "\n"


def _default(field: Any) -> str:
    if field.default_factory or field.default is None:
        return "–"
    kind = field.annotation
    choices = get_args(kind) if get_origin(kind) not in (None, UnionType) else ()
    value = (
        {True: "on", False: "off"}.get(field.default, field.default)
        if isinstance(field.default, bool)
        else field.default
    )
    return f"`{value}`" + (f" (of {', '.join(f'`{choice}`' for choice in choices)})" if choices else "")


def _in_a_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201  (a script that prints)
