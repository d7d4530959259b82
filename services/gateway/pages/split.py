"""Splits: tried out live, then kept for good."""

from dataclasses import dataclass, replace
from typing import ClassVar

from fastapi import APIRouter, Request, Response

from services.gateway.actions import datasets, experiments, split_report, splits
from services.gateway.actions.splits import NewSplit
from services.gateway.pages.forms import Form, Typed, TypedDep, parsed
from services.gateway.pages.rendering import View, go_to, show, show_block
from services.gateway.pages.shell import project_path, shell
from services.gateway.pages.split_form import (
    FOLDS,
    IMPORTED,
    PLACES,
    STRATEGIES,
    Offer,
    Strategy,
    body_of,
    marked_form,
    method,
    offer,
    refused_form,
)
from services.gateway.pages.tiles import thumbnail_url
from services.gateway.studio import Studio, StudioDep
from shared.errors import StudioError
from shared.schemas.base import SUBSETS, Subset
from shared.schemas.project import Project
from shared.schemas.split import GroupBy, LeakImage, LeakPair, Ratios, Split, SplitPreview, SplitRequest
from shared.taskkit.spec import Choice

router = APIRouter(prefix="/projects/{project_id}/split", include_in_schema=False)
_SHOWN_ROWS = 40
_SHOWN_PAIRS = 8
_LONG_LABEL = 24


@dataclass(frozen=True)
class Parts:
    """How a group of images falls to the subsets; shares are of the largest group."""

    label: str
    count: int
    shares: dict[Subset, float]
    counts: dict[Subset, int]


@dataclass(frozen=True)
class SavedSplit:
    """A split and who uses it."""

    split: Split
    method: str
    users: list[str]
    parts: Parts


@dataclass(frozen=True)
class ShownImage:
    """One side of a leak."""

    image: LeakImage
    url: str
    thumbnail: str


@dataclass(frozen=True)
class ShownPair:
    """Two images that are alike and would stand apart, and in words why they are alike."""

    pair: LeakPair
    images: list[ShownImage]
    reason: str


@dataclass(frozen=True)
class Shown:
    """A preview as the page shows it."""

    preview: SplitPreview
    rows: list[Parts]
    long_labels: bool
    more_rows: int
    total: Parts
    leaks: list[str]
    pairs: list[ShownPair]


@dataclass(frozen=True, kw_only=True)
class SplitView(View):
    """The form, its preview, and the splits there are."""

    template: ClassVar[str] = "pages/split.html"

    project: Project
    path: str
    has_dataset: bool
    revision: int
    strategies: list[Strategy]
    folds: tuple[Choice, ...]
    offer: Offer
    by_name: GroupBy
    start: SplitRequest
    percents: dict[str, int]
    saved: list[SavedSplit]
    form: Form
    places: tuple[str, ...]
    ask_leaks: bool
    shown: Shown | None
    shown_pairs: int


@router.get("")
def read(request: Request, studio: StudioDep, project_id: str) -> Response:
    """Show the splits and the form for a new one."""
    return show(request, _view(studio, project_id, Form()))


@router.post("/preview")
def preview(studio: StudioDep, project_id: str, typed: TypedDep) -> Response:
    """Show what the form would give."""
    try:
        made = splits.preview(studio, project_id, parsed(SplitRequest, body_of(typed)))
    except StudioError as error:
        view = _view(studio, project_id, marked_form(typed, error))
        return show_block(view, "preview", 422, template="pages/split_preview.html")
    view = replace(_view(studio, project_id, Form()), shown=_shown(project_id, made))
    return show_block(view, "preview", template="pages/split_preview.html")


@router.post("")
def create(request: Request, studio: StudioDep, project_id: str, typed: TypedDep) -> Response:
    """Keep the split under a name; where it leaks, ask first."""
    named = {"name": typed.get("name"), "accept_leaks": "accept_leaks" in typed}
    try:
        made = splits.create(studio, project_id, parsed(NewSplit, {**body_of(typed), **named}))
    except StudioError as error:
        return _asked_again(studio, project_id, typed, error)
    kept = f"Split {made[0].name} is" if len(made) == 1 else f"Splits {made[0].name} to {made[-1].name} are"
    return go_to(request, project_path(project_id, "split"), toast={"kind": "ok", "message": f"{kept} kept."})


@router.post("/{split_id}/delete")
def delete(request: Request, studio: StudioDep, project_id: str, split_id: str) -> Response:
    """Remove a split that no experiment uses."""
    splits.delete(studio, project_id, split_id)
    return go_to(request, project_path(project_id, "split"), toast={"kind": "ok", "message": "The split is deleted."})


def _asked_again(studio: Studio, project_id: str, typed: Typed, error: StudioError) -> Response:
    leaks = error.code == "split_leaks"
    view = _view(studio, project_id, refused_form(typed, error))
    return show_block(replace(view, ask_leaks=leaks or "accept_leaks" in typed), "save_form", 422)


def _view(studio: Studio, project_id: str, form: Form) -> SplitView:
    project = studio.workspace.projects.get(project_id)
    frame = shell(studio, "Split", project=project, step="split")
    head = datasets.find_head(studio, project_id)
    imported = bool(head and head.statistics.subsets)
    users: dict[str, list[str]] = {}
    for view in experiments.listed(studio, project_id):
        users.setdefault(view.experiment.configuration.split_id, []).append(view.experiment.name)
    return SplitView(
        shell=frame,
        project=project,
        path=project_path(project_id, "split"),
        has_dataset=head is not None,
        revision=head.revision if head else 0,
        strategies=[*([IMPORTED] if imported else []), *STRATEGIES],
        folds=FOLDS,
        offer=offer(studio, project_id),
        by_name=GroupBy(by="filename"),
        start=SplitRequest(strategy="imported" if imported else "stratified"),
        percents={subset: round(getattr(Ratios(), subset) * 100) for subset in SUBSETS},
        saved=[
            SavedSplit(split, method(split), users.get(split.id, []), _parts(split.name, split.counts))
            for split in splits.listed(studio, project_id)
        ],
        form=form,
        places=PLACES,
        ask_leaks=False,
        shown=None,
        shown_pairs=_SHOWN_PAIRS,
    )


def _shown(project_id: str, made: SplitPreview) -> Shown:
    rows = _rows(made)
    return Shown(
        preview=made,
        rows=rows[:_SHOWN_ROWS],
        long_labels=any(len(row.label) > _LONG_LABEL for row in rows),
        more_rows=len(rows[_SHOWN_ROWS:]),
        total=_parts("All", made.counts),
        leaks=split_report.told(made.leaks),
        pairs=[_pair(project_id, pair) for pair in made.leaks.pairs],
    )


def _pair(project_id: str, pair: LeakPair) -> ShownPair:
    reason = f"{pair.distance} of 64 bits differ" if pair.kind == "near_duplicate" else f"series {pair.group}"
    images = [
        ShownImage(item, f"{project_path(project_id, 'dataset')}/images/{item.id}", thumbnail_url(project_id, item.id))
        for item in (pair.first, pair.second)
    ]
    return ShownPair(pair, images, reason)


def _rows(preview: SplitPreview) -> list[Parts]:
    """Return one row a class or stratum."""
    labels = list(preview.subsets[SUBSETS[0]].distribution)
    counts = {
        label: {subset: preview.subsets[subset].distribution.get(label, 0) for subset in SUBSETS} for label in labels
    }
    largest = max([1, *(sum(row.values()) for row in counts.values())])
    return [_parts(label, row, largest) for label, row in counts.items()]


def _parts(label: str, counts: dict[Subset, int], of: int = 0) -> Parts:
    total = sum(counts.values())
    return Parts(label, total, {name: count / (of or total or 1) for name, count in counts.items()}, counts)
