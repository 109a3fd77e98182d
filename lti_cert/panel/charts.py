"""Where the bars of a chart stand, in the units of its viewBox: a template only prints them as attributes, since the
content policy allows no style.
"""

from dataclasses import dataclass

WIDTH = 360
HEIGHT = 190
LEFT = 30
"""Room for the numbers of the upright axis."""
RIGHT = 14
TOP = 30
"""Room for the names of the bars to reach."""
BOTTOM = 24
_PLOT_WIDTH = WIDTH - LEFT - RIGHT
_PLOT_HEIGHT = HEIGHT - TOP - BOTTOM
_GAP = 1.5


@dataclass(frozen=True)
class Bin:
    """Learners from `low` per cent up to, not including, `high`; the last bin of a chart takes everything above."""

    low: int
    high: int
    count: int


@dataclass(frozen=True)
class Column:
    x: float
    y: float
    width: float
    height: float
    level: str
    """What its learners reach: "none", "completion" or "distinction". A bin that a bar to reach cuts through counts as
    what is below."""


@dataclass(frozen=True)
class Mark:
    """A line across the chart: a bar to reach, or a step of an axis."""

    position: float
    label: str


@dataclass(frozen=True)
class Distribution:
    """How many learners stand where, with the bars to reach drawn in."""

    title: str
    bins: tuple[Bin, ...]
    completion: float
    distinction: float | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(self._column(each) for each in self.bins)

    @property
    def upright_steps(self) -> tuple[Mark, ...]:
        top = self._tallest
        return tuple(Mark(self._y(count), f"{count}") for count in sorted({0, top // 2, top}))

    @property
    def level_steps(self) -> tuple[Mark, ...]:
        return tuple(Mark(self._x(at), f"{at}") for at in (0, 25, 50, 75, 100))

    @property
    def completion_mark(self) -> Mark:
        return Mark(self._x(self.completion), f"{self.completion:.9g}")

    @property
    def distinction_mark(self) -> Mark | None:
        return None if self.distinction is None else Mark(self._x(self.distinction), f"{self.distinction:.9g}")

    @property
    def total(self) -> int:
        return sum(each.count for each in self.bins)

    @property
    def _tallest(self) -> int:
        tallest = max((each.count for each in self.bins), default=0)
        return max(2, tallest + tallest % 2)

    @property
    def _range(self) -> int:
        return max(100, max((each.high for each in self.bins), default=100))

    def _x(self, at: float) -> float:
        return round(LEFT + _PLOT_WIDTH * at / self._range, 1)

    def _y(self, count: int) -> float:
        return round(TOP + _PLOT_HEIGHT * (1 - count / self._tallest), 1)

    def _column(self, each: Bin) -> Column:
        start, end = self._x(each.low), self._x(each.high)
        top = self._y(each.count)
        level = "completion" if each.low >= self.completion else "none"
        if self.distinction is not None and each.low >= self.distinction:
            level = "distinction"
        floor = HEIGHT - BOTTOM
        return Column(round(start + _GAP / 2, 1), top, round(end - start - _GAP, 1), round(floor - top, 1), level)
