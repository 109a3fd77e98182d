"""The certificate's fonts are what was recorded when they were fetched, and all that the code asks for."""

import hashlib
import re

from lti_cert.issuing import fonts

ROW = re.compile(r"^\| (?P<file>\S+) \|.*\| `(?P<sha256>[0-9a-f]{64})` \| [^|]+ \|$", re.MULTILINE)


def test_every_font_is_recorded_and_unchanged() -> None:
    record = (fonts.FOLDER / "LICENSES.md").read_text(encoding="utf-8")
    recorded = {row["file"]: row["sha256"] for row in ROW.finditer(record)}
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in fonts.FOLDER.iterdir()
        if path.suffix != ".md"
    }
    assert found == recorded
    assert "SIL OPEN FONT LICENSE Version 1.1" in record


def test_every_script_has_its_face() -> None:
    scripts = ("Latn", "Grek", "Cyrl", "Arab", "Hebr", "Hani", "Kana", "Hang", "Deva", "Thai")
    opened = {fonts.faces(script, "regular")[0].file for script in scripts}
    assert opened <= {path.name for path in fonts.FOLDER.iterdir()}
    assert fonts.faces("Latn", "italic")[0].file != fonts.faces("Latn", "regular")[0].file
