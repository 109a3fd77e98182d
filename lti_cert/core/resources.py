"""Where templates, static files and migrations lie: beside the package in a checkout, inside it in a wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]

CHECKOUT: Path | None = _PACKAGE.parent if (_PACKAGE.parent / "setup.cfg").is_file() else None
"""The checkout's top folder, or None when the package is installed."""

ROOT = CHECKOUT or _PACKAGE
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
MIGRATIONS = ROOT / "migrations"
