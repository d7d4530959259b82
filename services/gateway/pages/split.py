"""Splits: tried out live, then kept for good."""

from dataclasses import dataclass, replace
from typing import ClassVar

from fastapi import APIRouter, Request, Response

from services.gateway.actions import datasets, experiments, splits
from services.gateway.actions.splits import NewSplit
from services.gateway.pages.forms import Form, Typed, TypedDep, parsed, refused
from services.gateway.pages.rendering import View, go_to, show, show_block
from services.gateway.pages.shell import project_path, shell
from services.gateway.studio import Studio, StudioDep
from shared.errors import StudioError
from shared.schemas.base import SUBSETS, Subset
from shared.schemas.project import Project
from shared.schemas.split import GroupBy, Ratios, Split, SplitPreview, SplitRequest
from shared.taskkit.groups import group_of
from shared.taskkit.spec import Choice

router = APIRouter(prefix="/projects/{project_id}/split", include_in_schema=False)


@dataclass(frozen=True)
class Strategy:
    """A way to split, in words."""

    id: str
    label: str
    help: str


_STRATEGIES = (
    Strategy("stratified", "Stratified", "Every subset gets the same mix of classes or values."),
    Strategy("random", "Random", "Images are dealt out by chance alone."),
)
_SHOWN_ROWS = 40
_GROUPINGS = (
    Choice("", "No"),
    Choice("filename", "Same start of the file name"),
    Choice("folder", "Same folder"),
)
_LABELS = {
    "group_by.separator": "Names are cut at",
    "group_by.parts": "Parts that are alike",
    "group_by": "Keep alike images together",
}
_GROUPED_BY = {"filename": "by file name", "folder": "by folder"}
_IMPORTED = Strategy("imported", "As imported", "The train, val and test folders of the source decide.")


@dataclass(frozen=True)
class Parts:
    """How a group of images falls to the subsets; shares are of the largest group."""

    label: str
    count: int
    shares: dict[Subset, float]
    counts: dict[Subset, int]


@dataclass(frozen=True)
class Example:
    """An image of the dataset that shows what keeping alike images together means."""

    filename: str
    folder: str


@dataclass(frozen=True)
class SavedSplit:
    """A split and who uses it."""

    split: Split
    method: str
    users: list[str]
    parts: Parts


@dataclass(frozen=True, kw_only=True)
class SplitView(View):
    """The form, its preview, and the splits there are."""

    template: ClassVar[str] = "pages/split.html"

    project: Project
    path: str
    has_dataset: bool
    revision: int
    strategies: list[Strategy]
    groupings: tuple[Choice, ...]
    example: Example | None
    by_name: GroupBy
    start: SplitRequest
    percents: dict[str, int]
    saved: list[SavedSplit]
    form: Form
    preview: SplitPreview | None
    rows: list[Parts]
    more_rows: int
    total: Parts | None


@router.get("")
def read(request: Request, studio: StudioDep, project_id: str) -> Response:
    """Show the splits and the form for a new one."""
    return show(request, _view(studio, project_id, Form()))


@router.post("/preview")
def preview(studio: StudioDep, project_id: str, typed: TypedDep) -> Response:
    """Show what the form would give."""
    try:
        made = splits.preview(studio, project_id, parsed(SplitRequest, _body(typed)))
    except StudioError as error:
        return show_block(_view(studio, project_id, _refused(typed, error, set())), "preview", 422)
    return show_block(_view(studio, project_id, Form(), made), "preview")


@router.post("")
def create(request: Request, studio: StudioDep, project_id: str, typed: TypedDep) -> Response:
    """Keep the split under a name."""
    try:
        made = splits.create(studio, project_id, parsed(NewSplit, {**_body(typed), "name": typed.get("name")}))
    except StudioError as error:
        return show_block(_view(studio, project_id, _refused(typed, error, {"name"})), "save_form", 422)
    names = made[0].name if len(made) == 1 else f"{made[0].name} to {made[-1].name}"
    told = {"kind": "ok", "message": f"Split {names} is kept."}
    return go_to(request, project_path(project_id, "split"), toast=told)


@router.post("/{split_id}/delete")
def delete(request: Request, studio: StudioDep, project_id: str, split_id: str) -> Response:
    """Remove a split that no experiment uses."""
    splits.delete(studio, project_id, split_id)
    return go_to(request, project_path(project_id, "split"), toast={"kind": "ok", "message": "The split is deleted."})


def _refused(typed: Typed, error: StudioError, shown: set[str]) -> Form:
    """Return the form with its errors; those of fields that stand elsewhere are told by the labels of the fields."""
    form = refused(typed.values, error, shown)
    message = form.message
    for name, label in _LABELS.items():
        message = message.replace(f"{name}:", f"{label}:")
    return replace(form, message=message)


def _body(typed: Typed) -> dict[str, object]:
    """Return the form as a request; its ratios are percentages."""
    ratios: dict[str, object] = {}
    for subset in SUBSETS:
        value = typed.get(subset)
        ratios[subset] = int(value) / 100 if value.isdigit() else value
    return {"ratios": ratios, "group_by": _group_by(typed), **typed.given("strategy", "seed")}


def _group_by(typed: Typed) -> dict[str, str] | None:
    by = typed.get("group_by")
    if by == "filename":
        return {"by": by, "separator": typed.get("separator"), "parts": typed.get("parts")}
    return {"by": by} if by else None


def _view(studio: Studio, project_id: str, form: Form, preview: SplitPreview | None = None) -> SplitView:
    project = studio.workspace.projects.get(project_id)
    frame = shell(studio, "Split", project=project, step="split")
    head = datasets.find_head(studio, project_id)
    imported = bool(head and head.statistics.subsets)
    users: dict[str, list[str]] = {}
    for view in experiments.listed(studio, project_id):
        users.setdefault(view.experiment.configuration.split_id, []).append(view.experiment.name)
    rows = _rows(preview) if preview else []
    return SplitView(
        shell=frame,
        project=project,
        path=project_path(project_id, "split"),
        has_dataset=head is not None,
        revision=head.revision if head else 0,
        strategies=[*([_IMPORTED] if imported else []), *_STRATEGIES],
        groupings=_GROUPINGS,
        example=_example(studio, project_id) if head else None,
        by_name=GroupBy(by="filename"),
        start=SplitRequest(strategy="imported" if imported else "stratified"),
        percents={subset: round(getattr(Ratios(), subset) * 100) for subset in SUBSETS},
        saved=[
            SavedSplit(split, _method(split), users.get(split.id, []), _parts(split.name, split.counts))
            for split in splits.listed(studio, project_id)
        ],
        form=form,
        preview=preview,
        rows=rows[:_SHOWN_ROWS],
        more_rows=len(rows[_SHOWN_ROWS:]),
        total=_parts("All", preview.counts) if preview else None,
    )


def _example(studio: Studio, project_id: str) -> Example | None:
    record = next(datasets.store(studio, project_id).records(), None)
    return Example(record.filename, group_of(record, GroupBy(by="folder")) or "") if record else None


def _method(split: Split) -> str:
    """Return how a split was made, such as "Stratified, by file name"."""
    method = next(item.label for item in (_IMPORTED, *_STRATEGIES) if item.id == split.strategy)
    return f"{method}, {_GROUPED_BY[split.group_by.by]}" if split.group_by else method


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
