"""What a dataset is made of, as charts whose bars filter the images."""

from dataclasses import dataclass

from services.gateway.pages.rendering import link
from shared.schemas.dataset import Bins, DatasetHead, Statistics
from shared.taskkit import plots
from shared.taskkit.plots import Bars, Tick

_MEASURES = {
    "width": ("Width", "px"),
    "height": ("Height", "px"),
    "aspect": ("Aspect ratio", ""),
    "annotations": ("Annotations an image", ""),
    "brightness": ("Brightness", ""),
}
UNSHOWN = ("format", *(f"{end}_{name}" for name in ("aspect", "annotations", "brightness") for end in ("min", "max")))
"""Filters that no field of the filter bar shows."""


@dataclass(frozen=True)
class ClassRow:
    """A class with how often it is annotated, and in how many images; `share` and `url` are of its images."""

    id: int
    name: str
    color: str
    count: int
    images: int
    share: float
    url: str
    current: bool


@dataclass(frozen=True)
class TargetPlot:
    """How a number distributes over the images."""

    name: str
    unit: str
    bars: Bars
    facts: list[tuple[str, str]]


@dataclass(frozen=True)
class Column:
    """A bar of a chart: its height from 0 to 1; `url` shows its images only, or all again where it is current."""

    height: float
    count: int
    span: str
    url: str
    current: bool


@dataclass(frozen=True)
class FilterChart:
    """A distribution whose columns filter."""

    title: str
    unit: str
    columns: list[Column]
    ticks: list[Tick]


@dataclass(frozen=True)
class Chip:
    """A filter in words; `url` takes it away."""

    label: str
    url: str


def classes(head: DatasetHead, path: str, query: dict[str, str]) -> list[ClassRow]:
    """Return the classes with their counts."""
    images = head.statistics.class_counts
    counts = head.statistics.annotation_counts or images  # heads of older studios count images only
    largest = max([1, *images.values()])
    rows = []
    for item in head.classes:
        current = query.get("class") == item.name
        url = link(path, **{**query, "class": "" if current else item.name})
        count, shown = counts.get(item.id, 0), images.get(item.id, 0)
        rows.append(ClassRow(item.id, item.name, item.color, count, shown, shown / largest, url, current))
    return rows


def targets(head: DatasetHead) -> list[TargetPlot]:
    """Return how the numbers of the images distribute."""
    return [
        TargetPlot(
            name=target.name,
            unit=target.unit,
            bars=plots.bars(found.counts, found.min, found.max),
            facts=[("Mean ± std", f"{plots.number(found.mean)} ± {plots.number(found.std)}")],
        )
        for target, found in zip(head.targets, head.statistics.targets, strict=False)
    ]


def charts(found: Statistics, path: str, query: dict[str, str]) -> list[FilterChart]:
    """Return the distributions of what is measured of every image; one value alone makes no chart."""
    measured = {
        "width": found.widths,
        "height": found.heights,
        "aspect": found.aspects,
        "annotations": found.annotations_per_image,
        "brightness": found.brightness,
    }
    return [
        _chart(name, bins, path, query) for name, bins in measured.items() if bins is not None and len(bins.counts) > 1
    ]


def chips(path: str, query: dict[str, str]) -> list[Chip]:
    """Return the filters that no field of the filter bar shows."""
    found = []
    if "format" in query:
        found.append(Chip(f"Format {query['format']}", link(path, **{**query, "format": ""})))
    for name in ("aspect", "annotations", "brightness"):
        low, high = query.get(f"min_{name}", ""), query.get(f"max_{name}", "")
        if low or high:
            span = low if low == high else f"{low or 'up'} to {high}" if high else f"from {low}"
            found.append(Chip(f"{_MEASURES[name][0]} {span}", _without(name, path, query)))
    return found


def _chart(name: str, bins: Bins, path: str, query: dict[str, str]) -> FilterChart:
    title, unit = _MEASURES[name]
    tallest, columns = max(bins.counts), []
    for place, count in enumerate(bins.counts):
        low = f"{bins.start + place * bins.step:.6g}"
        high = f"{bins.start + (place + 1) * bins.step - bins.unit:.6g}"
        current = (query.get(f"min_{name}"), query.get(f"max_{name}")) == (low, high)
        chosen = link(path, **{**query, f"min_{name}": low, f"max_{name}": high})
        url = _without(name, path, query) if current else chosen if count else ""
        columns.append(Column(count / tallest, count, low if low == high else f"{low} to {high}", url, current))
    end = bins.start + len(bins.counts) * bins.step
    ticks = list(plots.bars(bins.counts, bins.start, end).ticks)
    return FilterChart(title, unit, columns, ticks)


def _without(name: str, path: str, query: dict[str, str]) -> str:
    return link(path, **{**query, f"min_{name}": "", f"max_{name}": ""})
