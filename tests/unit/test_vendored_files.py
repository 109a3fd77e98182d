"""What the browser gets from others is what was recorded when it was fetched."""

import hashlib
import re

from lti_cert.core import resources

VENDOR = resources.STATIC / "vendor"
ROW = re.compile(r"^\| (?P<path>\S+) \| (?P<package>\S+ [\d.]+) \| `(?P<sha256>[0-9a-f]{64})` \|$", re.MULTILINE)


def test_every_vendored_file_is_recorded_and_unchanged() -> None:
    record = (VENDOR / "LICENSES.md").read_text(encoding="utf-8")
    recorded = {row["path"]: row["sha256"] for row in ROW.finditer(record)}
    found = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "LICENSES.md"
    }
    assert found == recorded


def test_every_vendored_package_comes_with_its_licence() -> None:
    record = (VENDOR / "LICENSES.md").read_text(encoding="utf-8")
    for row in ROW.finditer(record):
        assert f"\n## {row['package']}\n\n```\n" in record
