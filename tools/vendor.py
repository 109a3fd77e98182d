"""Fetches what `static/vendor` holds, cuts the icons down to those in use, and records what came from where.

Run `python tools/vendor.py` after changing a version below or using a new icon in a template. It needs npm, and asks
the registry that npm is configured for; to run or test the project nobody needs either.
"""

import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
VENDOR = ROOT / "static" / "vendor"
TEMPLATES = ROOT / "templates"


class Package(NamedTuple):
    name: str
    version: str
    files: dict[str, str]
    """Path inside the package -> path below static/vendor, copied byte for byte."""


PACKAGES = (
    Package(
        "bootstrap",
        "5.3.9",
        {
            "dist/css/bootstrap.min.css": "bootstrap/bootstrap.min.css",
            "dist/css/bootstrap.rtl.min.css": "bootstrap/bootstrap.rtl.min.css",
        },
    ),
    Package("htmx.org", "4.0.1", {"dist/htmx.min.js": "htmx/htmx.min.js"}),
    Package("bootstrap-icons", "1.13.2", {}),
)
SPRITE = "bootstrap-icons/sprite.svg"
RECORD = "LICENSES.md"

_ICON_CALL = re.compile(r'\bicon\("([a-z0-9-]+)"')
_SVG = re.compile(r'<svg[^>]*viewBox="(?P<box>[^"]+)"[^>]*>(?P<shapes>.*)</svg>', re.DOTALL)


def icons_in_use() -> list[str]:
    """Every name that a template passes to the `icon` macro."""
    texts = (path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.html"))
    return sorted({name for text in texts for name in _ICON_CALL.findall(text)})


def symbol(name: str, svg: str) -> str:
    found = _SVG.search(svg)
    if found is None:
        raise ValueError(f"{name}: not an SVG with a viewBox")
    shapes = re.sub(r"\s*\n\s*", "", found["shapes"])
    return f'<symbol id="{name}" viewBox="{found["box"]}">{shapes}</symbol>'


def _unpacked(package: Package, folder: Path) -> Path:
    # npm compares the archive with the registry's own checksum before it writes it.
    command = ["npm", "pack", "--json", "--pack-destination", str(folder), f"{package.name}@{package.version}"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - fixed words and the names above
    archive = folder / json.loads(answer.stdout)[0]["filename"]
    target = folder / package.name
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="data")
    return target / "package"


def _write(path: str, content: bytes) -> None:
    target = VENDOR / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def _record(rows: list[tuple[str, str]], licences: dict[str, str]) -> str:
    lines = [
        "# Browser libraries",
        "",
        "Written by `tools/vendor.py`; do not edit. The files are as their npm packages hold them, except the icons:",
        "those in use, gathered in one sprite.",
        "",
        "| file | package | SHA-256 |",
        "|---|---|---|",
    ]
    lines += [
        f"| {path} | {package} | `{hashlib.sha256((VENDOR / path).read_bytes()).hexdigest()}` |"
        for path, package in rows
    ]
    for package, text in licences.items():
        lines += ["", f"## {package}", "", "```", text.strip(), "```"]
    return "\n".join(lines) + "\n"


def main() -> None:
    rows: list[tuple[str, str]] = []
    licences: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for package in PACKAGES:
            unpacked = _unpacked(package, Path(temporary))
            label = f"{package.name} {package.version}"
            for origin, path in package.files.items():
                _write(path, (unpacked / origin).read_bytes())
                rows.append((path, label))
            if package.name == "bootstrap-icons":
                symbols = [
                    symbol(name, (unpacked / f"icons/{name}.svg").read_text(encoding="utf-8"))
                    for name in icons_in_use()
                ]
                _write(
                    SPRITE, ('<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n").encode()
                )
                rows.append((SPRITE, label))
            licences[label] = (unpacked / "LICENSE").read_text(encoding="utf-8")
    (VENDOR / RECORD).write_text(_record(rows, licences), encoding="utf-8")


if __name__ == "__main__":
    main()
