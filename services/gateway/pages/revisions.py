"""The history of a dataset, and the forms that make a new revision of it."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse

from services.gateway.actions import datasets, revisions
from services.gateway.actions.image_filters import Filters
from services.gateway.actions.revisions import ClassChanges, Entry, ImageChoice, Merge, Relabel
from services.gateway.pages import formats, statistics, tiles
from services.gateway.pages.dataset import filters_of
from services.gateway.pages.forms import Form, Typed, TypedDep, parsed, refused
from services.gateway.pages.pager import Pager, pager
from services.gateway.pages.rendering import View, environment, go_to, link, show, show_block, toast_header
from services.gateway.pages.shell import project_path, shell
from services.gateway.pages.statistics import ClassRow
from services.gateway.studio import Studio, StudioDep
from shared.errors import Stale, StudioError, invalid_field
from shared.schemas.dataset import DatasetHead
from shared.schemas.project import Project
from shared.store.diffs import ChangedImage, Diff, ImageChanges

router = APIRouter(prefix="/projects/{project_id}/dataset", include_in_schema=False)
PAGE_SIZE = 30
FiltersDep = Annotated[Filters, Depends(filters_of)]


@dataclass(frozen=True)
class ChangedTile:
    """An image of a comparison."""

    image: ChangedImage
    thumbnail: str
    url: str


@dataclass(frozen=True)
class ChangedTiles:
    """Images that were changed in one way; `more` are not shown."""

    title: str
    count: int
    tiles: list[ChangedTile]
    more: int


@dataclass(frozen=True, kw_only=True)
class HistoryView(View):
    """The revisions of a dataset, and what one of them changed."""

    template: ClassVar[str] = "pages/revisions.html"
    fragments: ClassVar[dict[str, str]] = {"history": "history"}

    project: Project
    path: str
    dataset: str
    current: int
    entries: list[Entry]
    pager: Pager
    shown: int | None
    change: Diff | None
    images: list[ChangedTiles]


@dataclass(frozen=True, kw_only=True)
class ClassesView(View):
    """The dialogs that change classes, with what was typed."""

    template: ClassVar[str] = "pages/dataset_classes.html"

    path: str
    classes: list[ClassRow]
    class_form: Form


@router.get("/revisions")
def read(
    request: Request,
    studio: StudioDep,
    project_id: str,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    shown: int | None = None,
) -> Response:
    """Show the history; `shown` is the revision whose changes are told."""
    project = studio.workspace.projects.get(project_id)
    frame = shell(studio, "History", project=project, step="dataset")
    total, entries = revisions.listed(studio, project_id, page, PAGE_SIZE)
    change = revisions.compared(studio, project_id, shown) if shown is not None else None
    dataset = project_path(project_id, "dataset")
    view = HistoryView(
        shell=frame,
        project=project,
        path=f"{dataset}/revisions",
        dataset=dataset,
        current=datasets.head(studio, project_id).revision,
        entries=entries,
        pager=pager(total, page, PAGE_SIZE, lambda number: link(f"{dataset}/revisions", page=number)),
        shown=shown,
        change=change,
        images=_changed(project_id, change) if change else [],
    )
    return show(request, view)


@router.post("/revisions/{revision}/restore")
def restore(request: Request, studio: StudioDep, project_id: str, revision: int, typed: TypedDep) -> Response:
    """Make a new revision that is as this one was."""
    try:
        head = revisions.restore(studio, project_id, revision, _seen(typed))
    except Stale as error:
        return _stale(studio, project_id, error)
    return _told(request, head, f"Revision {revision} is restored as revision {head.revision}.", "/revisions")


@router.post("/classes/edit")
def edit_class(request: Request, studio: StudioDep, project_id: str, typed: TypedDep) -> Response:
    """Rename or recolour a class."""
    try:
        class_id, changes = _number(typed, "class_id"), parsed(ClassChanges, typed.given("name", "color"))
        head = revisions.change_class(studio, project_id, class_id, changes, _seen(typed))
    except Stale as error:
        return _stale(studio, project_id, error)
    except StudioError as error:
        path, present = project_path(project_id, "dataset"), datasets.head(studio, project_id)
        view = ClassesView(
            shell=shell(studio, "Classes"),
            path=path,
            classes=statistics.classes(present, path, {}),
            class_form=refused(typed.values, error, {"class_id", "name", "color"}),
        )
        return show_block(view, "edit_class_form", 422)
    return _told(request, head, "The class is changed.")


@router.post("/classes/merge")
def merge_classes(request: Request, studio: StudioDep, project_id: str, typed: TypedDep) -> Response:
    """Merge classes into another."""
    body = parsed(Merge, {"sources": typed.every("sources"), "target": typed.get("target")})
    try:
        head = revisions.merge_classes(studio, project_id, body, _seen(typed))
    except Stale as error:
        return _stale(studio, project_id, error)
    return _told(request, head, "The classes are merged.")


@router.post("/selection/delete")
def delete_images(
    request: Request, studio: StudioDep, project_id: str, filters: FiltersDep, typed: TypedDep
) -> Response:
    """Delete the selected images."""
    chosen = _selected(studio, project_id, filters, typed)
    try:
        head = revisions.delete_images(studio, project_id, chosen, _seen(typed))
    except Stale as error:
        return _stale(studio, project_id, error)
    told = f"{formats.plural(len(chosen), 'image')} deleted; revision {head.revision - 1} still has them."
    return _told(request, head, told, query=filters.given())


@router.post("/selection/relabel")
def relabel_images(
    request: Request, studio: StudioDep, project_id: str, filters: FiltersDep, typed: TypedDep
) -> Response:
    """Give the selected images another class."""
    chosen = _selected(studio, project_id, filters, typed)
    body = parsed(Relabel, {"image_ids": chosen, "class_id": typed.get("class_id")})
    try:
        head = revisions.relabel_images(studio, project_id, body.image_ids, body.class_id, _seen(typed))
    except Stale as error:
        return _stale(studio, project_id, error)
    return _told(request, head, f"{formats.plural(len(chosen), 'image')} relabelled.", query=filters.given())


def _seen(typed: Typed) -> int | None:
    """Return the revision that the page showed when the form was sent; None where it does not say."""
    value = typed.get("revision")
    return int(value) if value.isdigit() else None


def _stale(studio: Studio, project_id: str, error: Stale) -> Response:
    """Tell of another one's change and leave the page as it is, but for the revision: sent again, it is done."""
    now = environment().from_string("{{ ui.seen_revision(revision, again=true) }}")
    body = now.render(revision=datasets.head(studio, project_id).revision)
    hint = "Nothing was changed. Look at the history, or send it again to do it to what is there now."
    headers = {"HX-Trigger": toast_header("bad", error.message, hint), "HX-Reswap": "none", "Cache-Control": "no-store"}
    return HTMLResponse(body, 422, headers)


def _selected(studio: Studio, project_id: str, filters: Filters, typed: Typed) -> list[str]:
    """Return the ticked images, or all of the query."""
    if "all" not in typed:
        return parsed(ImageChoice, {"image_ids": typed.every("image")}).image_ids
    found = datasets.matching(studio, project_id, filters)
    if len(found) > revisions.MOST_IMAGES:
        raise invalid_field("selection", f"at most {revisions.MOST_IMAGES:,} images are changed at once")
    return found


def _number(typed: Typed, name: str) -> int:
    value = typed.get(name)
    if not value.isdigit():
        raise invalid_field(name, "choose one")
    return int(value)


def _told(
    request: Request, head: DatasetHead, message: str, page: str = "", query: dict[str, str] | None = None
) -> Response:
    path = link(f"{project_path(head.project_id, 'dataset')}{page}", **(query or {}))
    return go_to(request, path, toast={"kind": "ok", "message": message})


def _changed(project_id: str, change: Diff) -> list[ChangedTiles]:
    kinds = (("Relabelled", change.relabelled), ("Removed", change.removed), ("Added", change.added))
    return [_tiles(project_id, title, images) for title, images in kinds if images.count]


def _tiles(project_id: str, title: str, images: ImageChanges) -> ChangedTiles:
    path = project_path(project_id, "dataset")
    made = [
        ChangedTile(item, tiles.thumbnail_url(project_id, item.id), f"{path}/images/{item.id}")
        for item in images.images
    ]
    return ChangedTiles(title, images.count, made, images.count - len(made))
