"""The form of a split: what it offers, an example of what a choice means, and what was typed as a request."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from services.gateway.actions import datasets
from services.gateway.pages.forms import Form, Typed, refused
from services.gateway.studio import Studio
from shared.errors import StudioError
from shared.schemas.base import SUBSETS
from shared.schemas.dataset import ImageRecord
from shared.schemas.split import MOST_FOLDS, GroupBy, Split
from shared.taskkit.groups import columns_of, group_of, series_of
from shared.taskkit.spec import Choice


@dataclass(frozen=True)
class Strategy:
    """A way to split, in words."""

    id: str
    label: str
    help: str


STRATEGIES = (
    Strategy("stratified", "Stratified", "Every subset gets the same mix of classes or values."),
    Strategy("random", "Random", "Images are dealt out by chance alone."),
)
IMPORTED = Strategy("imported", "As imported", "The train, val and test folders of the source decide.")
GROUPINGS = (
    Choice("", "No"),
    Choice("similar", "Near duplicates, by what they look like"),
    Choice("series", "Series, such as frames of a video: names that differ in the last number"),
    Choice("filename", "Same start of the file name"),
    Choice("folder", "Same folder"),
)
_BY_COLUMN = Choice("column", "Same value in a column of the table")
FOLDS = (
    Choice("", "One split"),
    *(Choice(str(number), f"{number} folds") for number in (*range(2, 11), 15, MOST_FOLDS)),
)
_LABELS = {
    "group_by.separator": "Names are cut at",
    "group_by.parts": "Parts that are alike",
    "group_by.column": "Column",
    "group_by": "Keep alike images together",
    "folds": "Cross-validation",
    "seed": "Seed",
    "ratios.train": "Train",
    "ratios.val": "Val",
    "ratios.test": "Test",
    "ratios": "Shares",
}
PLACES = ("ratios", "group_by", "separator", "parts", "column", "folds", "seed")
"""Where the form tells what is wrong: beside these fields; the three shares have one place together."""
_GROUPED_BY = {
    "filename": "by file name",
    "series": "by series",
    "folder": "by folder",
    "similar": "near duplicates together",
}
_LOOKED_AT = 200
"""Images whose columns are offered; a table has the same ones for all."""


@dataclass(frozen=True)
class Example:
    """An image of the dataset that shows what keeping alike images together means."""

    filename: str
    folder: str
    series: str


@dataclass(frozen=True)
class Offer:
    """What the dataset lets a person choose from."""

    groupings: list[Choice]
    columns: list[str]
    example: Example | None


def offer(studio: Studio, project_id: str) -> Offer:
    """Return the ways to keep images together, with an example."""
    if datasets.find_head(studio, project_id) is None:
        return Offer([], [], None)
    first = list(islice(datasets.store(studio, project_id).records(), _LOOKED_AT))
    columns = sorted({name for record in first for name in columns_of(record)})
    groupings = [*GROUPINGS, *([_BY_COLUMN] if columns else [])]
    return Offer(groupings, columns, _example(first[0]) if first else None)


def _example(record: ImageRecord) -> Example:
    series = series_of(record).lstrip("/")
    return Example(record.filename, group_of(record, GroupBy(by="folder")) or "", series)


def method(split: Split) -> str:
    """Return how a split was made, such as "Stratified, by file name"."""
    return ", ".join(_method(split))


def _method(split: Split) -> Iterator[str]:
    yield next(item.label for item in (IMPORTED, *STRATEGIES) if item.id == split.strategy)
    if split.group_by:
        yield _GROUPED_BY.get(split.group_by.by) or f"by column {split.group_by.column}"
    if split.fold:
        yield f"fold {split.fold} of {split.folds}"


def body_of(typed: Typed) -> dict[str, object]:
    """Return the form as a request; its ratios are percentages."""
    ratios: dict[str, object] = {}
    for subset in SUBSETS:
        if subset in typed:
            value = typed.get(subset)
            ratios[subset] = int(value) / 100 if value.isdigit() else value
    return {
        **({"ratios": ratios} if ratios else {}),
        "group_by": _group_by(typed),
        **typed.given("strategy", "seed", "folds"),
    }


def _group_by(typed: Typed) -> dict[str, str] | None:
    by = typed.get("group_by")
    asked = {"filename": ("separator", "parts"), "column": ("column",)}.get(by, ())
    return {"by": by, **{name: typed.get(name) for name in asked}} if by else None


def marked_form(typed: Typed, error: StudioError) -> Form:
    """Return the form with its errors by the places where it tells them; what has no place is told on top."""
    form = refused(typed.values, error, {name for name in _LABELS if _place(name) in PLACES})
    errors: dict[str, str] = {}
    for name, text in form.errors.items():
        told = f"{_LABELS[name]}: {text}" if name.startswith("ratios.") and name in _LABELS else text
        errors[_place(name)] = " ".join(filter(None, [errors.get(_place(name), ""), told]))
    return replace(form, errors=errors)


def _place(name: str) -> str:
    return "ratios" if name.startswith("ratios.") else name.removeprefix("group_by.")


def refused_form(typed: Typed, error: StudioError) -> Form:
    """Return the form of the name with its errors; what is wrong with other fields is told by their labels."""
    if error.code == "split_exists":
        return Form(typed.values, {"name": error.message})
    form = refused(typed.values, error, {"name"})
    message = form.message
    for name, label in _LABELS.items():
        message = message.replace(f"{name}:", f"{label}:")
    return replace(form, message=message)
