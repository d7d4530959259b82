"""What a person should know of a split before it is kept: what is missing in it, and what stands on both sides."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from services.gateway.actions.split_rows import Codes, Flags, Rows
from shared.schemas.base import SUBSETS, Subset
from shared.schemas.dataset import ImageRecord, TargetInfo
from shared.schemas.split import LeakImage, LeakPair, LeakReport, SplitRequest
from shared.taskkit.groups import are_series, group_of, series_of
from shared.taskkit.similarity import closest
from shared.taskkit.strata import NO_VALUE, RANGES_APART, natural

SHOWN_PAIRS = 12
RecordOf = Callable[[int], ImageRecord]
"""Gives the record of an image by its place in the rows."""


@dataclass(frozen=True)
class Sides:
    """Where every image stands: a place in `SUBSETS`, or with folds the number of its part, the last being test."""

    parts: Codes
    folds: int | None = None

    def subsets(self, fold: int = 0) -> Codes:
        """Return places in `SUBSETS`, with folds those of the given one, from 0."""
        if self.folds is None:
            return self.parts
        return np.where(self.parts == self.folds, 2, np.where(self.parts == fold, 1, 0))


def distribution(rows: Rows, subsets: Codes, targets: Sequence[TargetInfo]) -> dict[Subset, dict[str, int]]:
    """Count in each subset the images that show a class; those that show none count for their stratum.

    A stratum of several numbers says of each range which target it is of.
    """
    width = len(SUBSETS)
    table = np.bincount(rows.shown.codes * width + subsets, minlength=len(rows.shown.labels) * width)
    found: dict[str, list[int]] = {}
    for labels, counts in zip(rows.shown.labels, table.reshape(-1, width).tolist(), strict=True):
        for label in (told_range(item, targets) for item in labels):
            found[label] = [one + more for one, more in zip(found.get(label, [0] * width), counts, strict=True)]
    order = sorted(found, key=natural)
    return {subset: {label: found[label][place] for label in order} for place, subset in enumerate(SUBSETS)}


def told_range(label: str, targets: Sequence[TargetInfo]) -> str:
    """Return the ranges of a stratum with the units of their targets and, where there are several, their names."""
    ranges = label.split(RANGES_APART)
    if not targets or len(ranges) != len(targets) or label == NO_VALUE:
        return label
    told = [f"{text} {target.unit}".rstrip() for text, target in zip(ranges, targets, strict=True)]
    if len(told) == 1:
        return told[0]
    return " · ".join(f"{target.name} {text}" for text, target in zip(told, targets, strict=True))


def warnings(
    rows: Rows,
    request: SplitRequest,
    counts: Mapping[Subset, int],
    classes: Mapping[Subset, Mapping[str, int]],
    record_of: RecordOf,
) -> list[str]:
    """Return what a person may not want, in words."""
    wanted = {subset: share for subset in SUBSETS if (share := getattr(request.ratios, subset)) > 0}
    if request.strategy == "imported":
        wanted = dict.fromkeys(SUBSETS, 0.0)
    parts = request.folds + (request.ratios.test > 0) if request.folds else len(wanted)
    return [
        *_few("images", len(rows.keys), request, parts),
        *_missing(counts, classes, wanted),
        *_imported(rows, request),
        *_groups(rows, request, wanted, parts, record_of),
    ]


def leaks(rows: Rows, sides: Sides, request: SplitRequest, record_of: RecordOf) -> LeakReport:
    """Return which images that are alike stand on different sides; with folds, in any of them.

    Series by file name are looked for where names tell of any, but not among images that the request itself puts into
    a group with others by what is known of them.
    """
    near = _straddling(rows.clusters, sides)
    series: dict[int, int] = {}
    if are_series(rows.series, rows.numbered, rows.strata.codes):
        series = _straddling(np.where(rows.numbered & ~_in_company(rows, request), rows.series, -1), sides)
    return LeakReport(
        near_duplicates=len(near),
        near_duplicate_images=sum(near.values()),
        groups=len(series),
        group_images=sum(series.values()),
        unknown=int(np.count_nonzero(~rows.hashed)),
        pairs=[
            *(_near_pair(rows, sides, code, record_of) for code in list(near)[:SHOWN_PAIRS]),
            *(_series_pair(rows, sides, code, record_of) for code in list(series)[:SHOWN_PAIRS]),
        ],
    )


def _in_company(rows: Rows, request: SplitRequest) -> Flags:
    """Return which images share a group that names, folders or columns tell of."""
    if request.group_by is None or request.group_by.by == "similar":
        return np.zeros(len(rows.keys), dtype=np.bool_)
    groups = rows.groups_of(request.group_by)
    return np.asarray(np.bincount(groups)[groups] > 1, dtype=np.bool_)


def told(report: LeakReport) -> list[str]:
    """Return the leaks in words."""
    sentences = []
    if report.near_duplicates:
        sets = "set of near duplicates stands" if report.near_duplicates == 1 else "sets of near duplicates stand"
        sentences.append(
            f"{report.near_duplicates} {sets} in more than one subset ({report.near_duplicate_images} images)."
        )
    if report.groups:
        sets = "series of file names stands" if report.groups == 1 else "series of file names stand"
        sentences.append(f"{report.groups} {sets} in more than one subset ({report.group_images} images).")
    return sentences


def _straddling(codes: Codes, sides: Sides) -> dict[int, int]:
    """Return the groups that stand in several parts with their sizes, the largest first; -1 is no group."""
    members = np.flatnonzero(codes >= 0)
    if not len(members):
        return {}
    found, parts = codes[members], sides.parts[members]
    low = np.full(found.max() + 1, np.iinfo(np.int64).max)
    high = np.full(found.max() + 1, -1)
    np.minimum.at(low, found, parts)
    np.maximum.at(high, found, parts)
    several = np.flatnonzero(high > low)
    sizes = np.bincount(found)[several]
    order = np.argsort(-sizes, kind="stable")
    return dict(zip(several[order].tolist(), sizes[order].tolist(), strict=True))


def _near_pair(rows: Rows, sides: Sides, code: int, record_of: RecordOf) -> LeakPair:
    members = np.flatnonzero(rows.clusters == code)
    first, second, distance = closest(rows.hashes[members], sides.parts[members])
    images, fold = _images(sides, int(members[first]), int(members[second]), record_of)
    return LeakPair(
        kind="near_duplicate", first=images[0], second=images[1], distance=distance, images=len(members), fold=fold
    )


def _series_pair(rows: Rows, sides: Sides, code: int, record_of: RecordOf) -> LeakPair:
    """Return two images that came one after the other and stand apart, as neighbouring frames do."""
    members = np.flatnonzero(rows.series == code)
    place = int(np.flatnonzero(np.diff(sides.parts[members]))[0])
    first, second = int(members[place]), int(members[place + 1])
    images, fold = _images(sides, first, second, record_of)
    name = series_of(record_of(first)).lstrip("/")
    return LeakPair(kind="group", first=images[0], second=images[1], group=name, images=len(members), fold=fold)


def _images(sides: Sides, first: int, second: int, record_of: RecordOf) -> tuple[list[LeakImage], int | None]:
    """Return two images with where they stand; with folds, in one where they stand apart, and which that is."""
    fold = min(int(sides.parts[first]), int(sides.parts[second])) if sides.folds else 0
    subsets = sides.subsets(fold)
    images = []
    for place in (first, second):
        record = record_of(place)
        images.append(LeakImage(id=record.id, filename=record.filename, subset=SUBSETS[subsets[place]]))
    return images, fold + 1 if sides.folds else None


def _few(things: str, count: int, request: SplitRequest, parts: int) -> Iterator[str]:
    if count < parts:
        yield f"There are fewer {things} ({count}) than {'parts' if request.folds else 'subsets'} ({parts})."


def _missing(
    counts: Mapping[Subset, int], classes: Mapping[Subset, Mapping[str, int]], wanted: Mapping[Subset, float]
) -> Iterator[str]:
    for subset in wanted:
        if counts[subset] == 0:
            yield f"{subset} is empty."
        elif absent := [name for name, count in classes[subset].items() if not count]:
            shown = ", ".join(absent[:5]) + (f" and {len(absent) - 5} more" if len(absent) > 5 else "")
            yield f"{subset} has no image of {shown}."


def _imported(rows: Rows, request: SplitRequest) -> Iterator[str]:
    loose = np.count_nonzero(rows.imported < 0)
    if request.strategy == "imported" and loose:
        yield f"{loose} images came without a subset and stand in train."


def _groups(
    rows: Rows, request: SplitRequest, wanted: Mapping[Subset, float], parts: int, record_of: RecordOf
) -> Iterator[str]:
    """Say what the groups make impossible. Only the smallest share that the largest group exceeds is named."""
    if not request.group_by or not len(rows.keys):
        return
    groups = rows.groups_of(request.group_by)
    sizes = np.bincount(groups)
    if request.group_by.by == "column" and (loose := np.count_nonzero(~rows.grouped)):
        yield f"{loose} images have no value in the column {request.group_by.column!r} and stand for themselves."
    yield from _few("groups", len(sizes), request, parts)
    if sizes.max() == 1:
        yield "No two images share a group: the split is as good as without groups."
    first = int(np.flatnonzero(sizes[groups] == sizes.max())[0])
    subset = min(wanted, key=lambda item: wanted[item])
    if sizes.max() > (share := wanted[subset] * len(groups)):
        record = record_of(first)
        near = request.group_by.by == "similar"
        name = f"near duplicates of {record.filename!r}" if near else repr(group_of(record, request.group_by))
        yield (
            f"The largest group, {name}, has {sizes.max()} images, more than the share of {subset} ({share:.0f})."
            " Shares are kept as well as whole groups allow."
        )
