"""Numbers laid out for the charts of `ui/plots.html`: everything is a share of the chart's width or height."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_TICKS: Final = 5


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of an axis: where, 0 to 1, and what is written there."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from `low` to `high` with its ticks."""

    low: float
    high: float
    ticks: tuple[Tick, ...]

    def share(self, value: float) -> float:
        """Return where a value lies, 0 at `low` and 1 at `high`."""
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a histogram: its height from 0 to 1, how many it stands for, and from where to where, as text."""

    height: float
    count: int
    span: str


@dataclass(frozen=True, slots=True)
class Bars:
    """A histogram. `zero` is where 0 lies, if inside."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    zero: float | None


def axis(values: Sequence[float]) -> Axis:
    """Return an axis that shows all values, with some room at its ends and ticks at round numbers."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = max((high - low) * 0.04, abs(high) * 1e-9) or 1.0
    low, high = low - margin, high + margin
    span = high - low
    return Axis(low, high, tuple(Tick((value - low) / span, number(value)) for value in _round_values(low, high)))


def histogram(values: Sequence[float], count: int) -> Bars:
    """Return how values distribute over `count` equal steps from the least to the largest."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    step = (high - low) / count or 1.0
    counts = [0] * count
    for value in values:
        counts[min(count - 1, int((value - low) / step))] += 1
    return bars(counts, low, low + step * count)


def bars(counts: Sequence[int], low: float, high: float) -> Bars:
    """Return a histogram of counts in equal steps from `low` to `high`."""
    high = max(high, low + (abs(low) * 1e-9 or 1.0)) if high <= low + abs(low) * 1e-12 else high
    step, tallest = (high - low) / len(counts), max([1, *counts])
    made = tuple(
        Bar(count / tallest, count, f"{number(low + at * step)} to {number(low + (at + 1) * step)}")
        for at, count in enumerate(counts)
    )
    ticks = tuple(Tick((value - low) / (high - low), number(value)) for value in _round_values(low, high))
    return Bars(made, ticks, -low / (high - low) if low < 0 < high else None)


def number(value: float) -> str:
    """Return a number in few characters."""
    return f"{value:.4g}" if value else "0"


def _round_values(low: float, high: float) -> list[float]:
    """Return round numbers between two others: steps of 1, 2 or 5 times a power of ten (Heckbert 1990)."""
    raw = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10, 20) if factor * power >= raw)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [at * step for at in range(first, last + 1)]
