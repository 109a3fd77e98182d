"""What a template calls to set text: it names sizes and widths, and gets lines that fit them.

Blocks stacked in a column are measured: where a long name takes two lines, all of them are set a little smaller.
"""

from collections.abc import Sequence

from markupsafe import Markup

from lti_cert.issuing import pictures
from lti_cert.issuing.embedding import Case
from lti_cert.issuing.fitting import Block, fit
from lti_cert.issuing.fonts import UNITS_PER_EM, Style
from lti_cert.issuing.shaping import Cluster, Setting

_POINTS_PER_MM = 72 / 25.4
_LEADING = 1.2  # ems from one line to the next, of which so much lies above and below the baseline:
_ABOVE, _BELOW = 0.86, 0.34
_AIR = 0.18  # of a column, at least, between its blocks

_LINE = Markup(
    '<div style="font-size: {size:.2f}pt; line-height: {leading:.2f}pt; '
    'padding: {above:.2f}pt 0 {below:.2f}pt">{line}</div>'
)


class Composition:
    """One page being composed. Sizes are points, widths and heights millimetres."""

    def __init__(self, language: str, scale: float = 1) -> None:
        self.case = Case()
        self._language = language
        self._scale = scale
        self._room = self._used = 0.0

    def text(
        self, value: str, *, size: float, width: float, least: float = 7, lines: int = 1, style: Style = "regular"
    ) -> Markup:
        """The value at `size`, or smaller, but not below `least`, or on more lines, but not on more than `lines`."""
        html, _ = self._set(value, size, width, least, lines, style)
        return html

    def column(self, height: float) -> str:
        """Begins the column that `stacked` and `take` fill; the style of its element."""
        self._room, self._used = height, 0.0
        return f"height: {height}mm"

    def stacked(
        self, value: str, *, size: float, width: float, least: float = 7, lines: int = 1, style: Style = "regular"
    ) -> Markup:
        """As `text`, at the column's scale."""
        html, height = self._set(value, size * self._scale, width, least, lines, style)
        self.take(height)
        return html

    def take(self, height: float) -> None:
        """Room of the column that something else than text needs."""
        self._used += height

    @property
    def overfull(self) -> float:
        """How many times the column's height would be needed; at most 1 is well."""
        return self._used / (self._room * (1 - _AIR))

    def qr_code(self, content: str) -> str:
        return self.case.set([pictures.qr_code(content)])

    def seal(self) -> str:
        return self.case.set([pictures.seal()])

    def _set(
        self, value: str, size: float, width: float, least: float, lines: int, style: Style
    ) -> tuple[Markup, float]:
        setting = Setting(style, self._language)
        block = fit(value, setting, size=size, least=least, measure=width * _POINTS_PER_MM, lines=lines)
        spaces = [_spaces(line) for line in block.lines]
        height = sum(above + below + _LEADING for above, below in spaces) * block.size / _POINTS_PER_MM
        return self._html(block, spaces), height

    def _html(self, block: Block, spaces: list[tuple[float, float]]) -> Markup:
        return Markup("").join(
            _LINE.format(
                size=block.size,
                leading=block.size * _LEADING,
                above=block.size * above,
                below=block.size * below,
                line=self.case.set(line),
            )
            for line, (above, below) in zip(block.lines, spaces, strict=True)
        )


def _spaces(line: Sequence[Cluster]) -> tuple[float, float]:
    """What a line needs above and below beyond the usual, in ems: Burmese and vowelled Arabic are taller than Latin."""
    top = max((cluster.outline.bounds[3] for cluster in line), default=0) / UNITS_PER_EM
    bottom = min((cluster.outline.bounds[1] for cluster in line), default=0) / UNITS_PER_EM
    return max(0.0, top - _ABOVE), max(0.0, -bottom - _BELOW)
