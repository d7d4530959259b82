"""What splits look at: the classes an image shows, and what is kept in proportion."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from shared.schemas.annotations import values_of
from shared.schemas.dataset import ImageRecord

NO_OBJECT = "(no object)"
NO_VALUE = "(no value)"
RANGES_APART = " / "
BINS = 10
IMAGES_PER_STRATUM = 10
_NUMBER = re.compile(r"((?:(?<!\S)-)?\d+(?:\.\d+)?)")


def shown_classes(record: ImageRecord) -> tuple[int, ...]:
    """Return the ids of the classes an image shows, each once, in order."""
    found = (getattr(item, "class_id", None) for item in record.annotations)
    return tuple(sorted({class_id for class_id in found if class_id is not None}))


def rarest_class(records: Iterable[ImageRecord], names: Mapping[int, str]) -> list[str]:
    """Return for each image the class it shows that the fewest images show, so that no subset lacks a rare class.

    Of equally rare ones it is the first by name, whatever ids an import gave them.
    The records are read once, as a stream.
    """
    known: dict[tuple[int, ...], tuple[int, ...]] = {}
    shown = [known.setdefault(found, found) for found in map(shown_classes, records)]
    shown_by = Counter(names[class_id] for classes in shown for class_id in classes)
    rarest = {
        classes: min((names[item] for item in classes), key=lambda name: (shown_by[name], name), default=NO_OBJECT)
        for classes in known
    }
    return [rarest[classes] for classes in shown]


def binned(records: Iterable[ImageRecord], bins: int = BINS) -> list[str]:
    """Return for each image the range its number lies in, such as "60 to 80"; of several numbers the ranges of all.

    Ranges hold about the same number of images (quantiles). They are so few that a stratum has `IMAGES_PER_STRATUM`
    images on average. Several targets share the number of strata evenly: the stratum of an image is its ranges joined
    by " / ". Values are told apart instead where a target has no more of them than it may have ranges; a target that
    is alone may have up to `bins`.
    """
    rows = [tuple(values_of(record.annotations) or ()) for record in records]
    width = max((len(row) for row in rows), default=0)
    valued = [place for place, row in enumerate(rows) if width and len(row) == width]
    columns = np.array([rows[place] for place in valued], dtype=np.float64).reshape(len(valued), width).T
    limits = _limits(len(valued), width, bins)
    ranges = [_ranges(*item, bins if width == 1 else 0) for item in zip(columns, limits, strict=True)]
    labels = [NO_VALUE] * len(rows)
    for place, *texts in zip(valued, *ranges, strict=True):
        labels[place] = RANGES_APART.join(texts)
    return labels


def natural(label: str) -> tuple[list[tuple[int, float, str]], str]:
    """Return a key that sorts labels as a person would: numbers by size, words by alphabet, "(no ...)" last."""
    if label.startswith("(no "):
        return [(2, 0, "")], label
    parts = enumerate(_NUMBER.split(label))
    return [(0, float(part), "") if place % 2 else (1, 0, part.casefold()) for place, part in parts if part], label


def _limits(images: int, targets: int, bins: int) -> list[int]:
    """Return how many ranges each target is cut into; a lone target may keep `bins` different values apart."""
    budget = max(1, images // IMAGES_PER_STRATUM)
    limits = []
    for left in range(targets, 0, -1):
        limits.append(min(bins, math.ceil(budget ** (1 / left) - 1e-9)))
        budget = max(1, budget // limits[-1])
    return limits


def _ranges(column: npt.NDArray[np.float64], limit: int, keep: int) -> list[str]:
    """Return the range of each value: of up to `limit` quantiles, or one a value where there are few enough.

    Quantiles go by the middle rank of equal values, in whole numbers, so that they are the same on any machine.
    """
    values, codes = np.unique(column, return_inverse=True)
    bin_of = np.arange(len(values))
    if len(values) > max(limit, keep):
        counts = np.bincount(codes)
        bin_of = limit * (2 * np.cumsum(counts) - counts) // (2 * len(column))
    lowest = np.flatnonzero(np.diff(bin_of, prepend=-1))
    highest = [*(lowest[1:] - 1), len(values) - 1]
    edges = np.unique([*lowest, *highest])
    texts = dict(zip(edges.tolist(), _texts(values[edges].tolist()), strict=True))
    labels = {
        bin_of[low]: texts[low] if low == high else f"{texts[low]} to {texts[high]}"
        for low, high in zip(lowest, highest, strict=True)
    }
    return [labels[code] for code in bin_of[codes]]


def _texts(values: Sequence[float]) -> list[str]:
    """Return different numbers in rising order as texts, as short as lets them differ."""
    scale = values[-1] - values[0] or abs(values[0]) or 1.0
    fewest = max(0, 2 - math.floor(math.log10(scale)))
    for decimals in range(fewest, fewest + 16):
        texts = [f"{value:z.{decimals}f}" for value in values]
        if len(set(texts)) == len(values):
            return [text.rstrip("0").rstrip(".") if decimals else text for text in texts]
    return [repr(value) for value in values]
