"""One small font for each document, made of what it shows.

The page is laid out with one private-use character for each cluster, so that a renderer that goes left to right,
character by character, draws exactly what HarfBuzz meant. The PDF tells readers which text each of them stands for.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Protocol

from reportlab.pdfbase import pdfdoc, pdfmetrics

from lti_cert.issuing.fonts import UNITS_PER_EM
from lti_cert.issuing.truetype import Outline, font

FAMILY = "certificate"
"""The `font-family` of all text in the templates."""

_FIRST = 0xE000  # of Unicode's private use area: a glyph's character is this plus its glyph id
_ASCENT, _DESCENT = 800, -250  # thousandths of an em, as in the Latin face: lines of all scripts share one baseline
_SYMBOLIC = 4  # ISO 32000-1, table 123: the font has a character set of its own


class Glyph(Protocol):
    """A cluster of text, or a picture of one colour."""

    @property
    def text(self) -> str: ...

    @property
    def advance(self) -> int: ...

    @property
    def outline(self) -> Outline: ...


class Case:
    """The glyphs of one document, as a printer's case holds the type of one font."""

    def __init__(self) -> None:
        self.ids: dict[Glyph, int] = {}

    def set(self, line: Iterable[Glyph]) -> str:
        """The line as characters of the document's font."""
        return "".join(chr(_FIRST + self.ids.setdefault(glyph, len(self.ids) + 1)) for glyph in line)

    @property
    def advances(self) -> list[int]:
        """By glyph id, in units of the em; glyph 0 is the one for what is missing, and never drawn."""
        return [0, *(glyph.advance for glyph in self.ids)]

    def font_program(self) -> bytes:
        outlines = [Outline(b""), *(glyph.outline for glyph in self.ids)]
        ascent, descent = (height * UNITS_PER_EM // 1000 for height in (_ASCENT, _DESCENT))
        return font(outlines, self.advances, units_per_em=UNITS_PER_EM, ascent=ascent, descent=descent)

    def to_unicode(self) -> str:
        """The CMap that gives readers the text of each glyph (ISO 32000-1, 9.10.3)."""
        lines = [f"<{number:04X}> <{glyph.text.encode('utf-16-be').hex()}>" for glyph, number in self.ids.items()]
        blocks = [lines[start : start + 100] for start in range(0, len(lines), 100)]
        return "\n".join(
            [
                "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
                "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
                "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
                "1 begincodespacerange <0000> <FFFF> endcodespacerange",
                *(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks),
                "endcmap CMapName currentdict /CMap defineresource pop end end",
            ]
        )


class _DocumentFont:
    """ReportLab's protocol of a font that is made while the document is written (`reportlab.pdfbase.ttfonts`)."""

    _multiByte = 1  # noqa: N815 - ReportLab's
    _dynamicFont = 1  # noqa: N815 - ReportLab's
    shapable = False
    fontName = FAMILY  # noqa: N815 - ReportLab's
    face = SimpleNamespace(name=FAMILY, ascent=_ASCENT, descent=_DESCENT)

    def __init__(self) -> None:
        self.case = Case()
        self._advances: list[int] = []
        self._internal_name = ""

    @contextmanager
    def printing(self, case: Case) -> Iterator[None]:
        self.case, self._advances, self._internal_name = case, case.advances, ""
        try:
            yield
        finally:
            self.case = Case()

    def stringWidth(self, text: str | bytes, size: float, encoding: str = "utf8") -> float:  # noqa: N802 - ReportLab's
        return sum(self._advances[glyph_id] for glyph_id in self._glyph_ids(text, encoding)) * size / UNITS_PER_EM

    def splitString(self, text: str | bytes, _doc: Any) -> list[tuple[int, bytes]]:  # noqa: N802 - ReportLab's
        return [(0, b"".join(glyph_id.to_bytes(2, "big") for glyph_id in self._glyph_ids(text)))]

    def _glyph_ids(self, text: str | bytes, encoding: str = "utf8") -> list[int]:
        """White space is the layout's own. Any other character was not set by `Case.set` and must not vanish."""
        text = text if isinstance(text, str) else text.decode(encoding)
        found = [ord(char) - _FIRST for char in text if not char.isspace()]
        if found and not (min(found) > 0 and max(found) < len(self._advances)):
            raise ValueError(f"{text!r} stands in a template without having been set")
        return found

    def getSubsetInternalName(self, subset: int, doc: Any) -> str:  # noqa: N802 - ReportLab's
        if not self._internal_name:
            self._internal_name = f"F{len(doc.fontMapping) + 1}"
            doc.fontMapping[self.fontName] = f"/{self._internal_name}"
            doc.delayedFonts.append(self)
        return f"/{self._internal_name}"

    def addObjects(self, doc: Any) -> None:  # noqa: N802 - ReportLab's
        """A composite font with two-byte codes that are glyph ids (ISO 32000-1, 9.7.4)."""
        name = pdfdoc.PDFName(f"AAAAAA+{FAMILY.title()}")
        thousandths = [round(advance * 1000 / UNITS_PER_EM) for advance in self._advances]
        system = {"Registry": pdfdoc.PDFString("Adobe"), "Ordering": pdfdoc.PDFString("Identity"), "Supplement": 0}
        descendant = pdfdoc.PDFDictionary(
            {
                "Type": pdfdoc.PDFName("Font"),
                "Subtype": pdfdoc.PDFName("CIDFontType2"),
                "BaseFont": name,
                "CIDSystemInfo": pdfdoc.PDFDictionary(system),
                "CIDToGIDMap": pdfdoc.PDFName("Identity"),
                "FontDescriptor": self._descriptor(doc, name),
                "W": pdfdoc.PDFArray([0, pdfdoc.PDFArray(thousandths)]),
            }
        )
        composite = pdfdoc.PDFDictionary(
            {
                "Type": pdfdoc.PDFName("Font"),
                "Subtype": pdfdoc.PDFName("Type0"),
                "BaseFont": name,
                "Encoding": pdfdoc.PDFName("Identity-H"),
                "DescendantFonts": pdfdoc.PDFArray([doc.Reference(descendant)]),
                "ToUnicode": doc.Reference(_stream(self.case.to_unicode())),
            }
        )
        doc.idToObject["BasicFonts"].dict[self._internal_name] = doc.Reference(composite)

    def _descriptor(self, doc: Any, name: Any) -> Any:
        program = self.case.font_program()
        stream = _stream(program)
        stream.dictionary["Length1"] = len(program)
        return doc.Reference(
            pdfdoc.PDFDictionary(
                {
                    "Type": pdfdoc.PDFName("FontDescriptor"),
                    "FontName": name,
                    "FontFile2": doc.Reference(stream),
                    "Flags": _SYMBOLIC,
                    "FontBBox": pdfdoc.PDFArray([-1000, _DESCENT * 2, 3000, _ASCENT * 2]),
                    "Ascent": _ASCENT,
                    "Descent": _DESCENT,
                    "CapHeight": 650,
                    "ItalicAngle": 0,
                    "StemV": 80,
                }
            )
        )


def _stream(content: bytes | str) -> Any:
    stream = pdfdoc.PDFStream(content=content)
    stream.filters = [pdfdoc.PDFZCompress]
    return stream


FONT = _DocumentFont()
"""The one font that ReportLab knows. Within `FONT.printing(case)` it is that document's; never for two at once."""
pdfmetrics.registerFont(FONT)
