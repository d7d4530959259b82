"""Values as people read them. The filters of the templates."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

NOTHING = "–"


def count(value: float) -> str:
    """Return a number with thousands apart."""
    return f"{value:,.0f}".replace(",", "\u202f") if value >= 10_000 else f"{value:.0f}"


def short_count(value: float) -> str:
    """Return a large number in few characters, such as 2.5 M."""
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.1f}\u202f{unit}"
    return f"{value:.0f}"


def size(value: float) -> str:
    """Return a number of bytes with its unit."""
    units = ["B", "KB", "MB", "GB", "TB"]
    at = 0
    while value >= 1000 and at < len(units) - 1:
        value, at = value / 1000, at + 1
    return f"{value:.0f} {units[at]}" if at == 0 or value >= 100 else f"{value:.1f} {units[at]}"


def duration(seconds: float | None) -> str:
    """Return a time span in its two largest units."""
    if seconds is None:
        return NOTHING
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def metric(value: float | None, style: str = "percent") -> str:
    """Return a metric in its style; None as a dash."""
    if value is None:
        return NOTHING
    return f"{value * 100:.1f} %" if style == "percent" else f"{value:.4g}"


def percent(value: float | None, digits: int = 1) -> str:
    """Return a share, 0 to 1, as a percentage."""
    return NOTHING if value is None else f"{value * 100:.{digits}f} %"


def number(value: float | str | None) -> str:
    """Return a number without needless digits."""
    if value is None:
        return NOTHING
    if isinstance(value, float):
        return count(value) if value.is_integer() else f"{value:.4g}"
    return str(value)


def iso(value: datetime) -> str:
    """Return a moment for the `datetime` attribute."""
    return value.isoformat()


def moment(value: datetime) -> str:
    """Return a moment as text, before the browser makes a distance of it."""
    return value.strftime("%Y-%m-%d %H:%M UTC")


def plural(value: float, one: str, many: str | None = None) -> str:
    """Return a count with its noun."""
    return f"{count(value)} {one if value == 1 else many or one + 's'}"


def readable(value: str) -> str:
    """Return an identifier as words."""
    return value.replace("_", " ").capitalize()


def inline(label: str) -> str:
    """Return a label as it stands within a sentence: small, unless it is an abbreviation such as mAP or MAE."""
    return label if label != label.capitalize() or len(label) < 3 else label.lower()


def spark(values: Sequence[float]) -> str:
    """Return the points of a line 100 wide and 24 high, the smallest value at the bottom; "" for less than two."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    span = high - low or 1.0
    step = 100 / (len(values) - 1)
    return " ".join(f"{at * step:.1f},{22 - 20 * (value - low) / span:.1f}" for at, value in enumerate(values))


FILTERS: Mapping[str, Callable[..., Any]] = {
    "count": count,
    "short_count": short_count,
    "size": size,
    "duration": duration,
    "metric": metric,
    "percent": percent,
    "number": number,
    "iso": iso,
    "moment": moment,
    "plural": plural,
    "readable": readable,
    "inline": inline,
    "spark": spark,
}
