"""The history of a dataset, and the forms that make a new revision of it."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Query, Request, Response

from services.gateway.actions import datasets, revisions
from services.gateway.actions.image_filters import Filters
from services.gateway.actions.revisions import ClassChanges, Entry, ImageChoice, Merge, Relabel
from services.gateway.pages import formats, tiles
from services.gateway.pages.dataset import filters_of
from services.gateway.pages.forms import Typed, TypedDep, parsed
from services.gateway.pages.pager import Pager, pager
from services.gateway.pages.rendering import View, go_to, link, show
from services.gateway.pages.shell import project_path, shell
from services.gateway.studio import Studio, StudioDep
from shared.errors import invalid_field
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
    entries: list[Entry]
    pager: Pager
    shown: int | None
    change: Diff | None
    images: list[ChangedTiles]


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
        entries=entries,
        pager=pager(total, page, PAGE_SIZE, lambda number: link(f"{dataset}/revisions", page=number)),
        shown=shown,
        change=change,
        images=_changed(project_id, change) if change else [],
    )
    return show(request, view)


@router.post("/revisions/{revision}/restore")
def restore(request: Request, studio: StudioDep, project_id: str, revision: int) -> Response:
    """Make a new revision that is as this one was."""
    head = revisions.restore(studio, project_id, revision)
    return _told(request, head, f"Revision {revision} is restored as revision {head.revision}.", "/revisions")


@router.post("/classes/edit")
def edit_class(request: Request, studio: StudioDep, project_id: str, typed: TypedDep) -> Response:
    """Rename or recolour a class."""
    class_id = _number(typed, "class_id")
    head = revisions.change_class(studio, project_id, class_id, parsed(ClassChanges, typed.given("name", "color")))
    return _told(request, head, "The class is changed.")


@router.post("/classes/merge")
def merge_classes(request: Request, studio: StudioDep, project_id: str, typed: TypedDep) -> Response:
    """Merge classes into another."""
    body = parsed(Merge, {"sources": typed.every("sources"), "target": typed.get("target")})
    return _told(request, revisions.merge_classes(studio, project_id, body), "The classes are merged.")


@router.post("/selection/delete")
def delete_images(
    request: Request, studio: StudioDep, project_id: str, filters: FiltersDep, typed: TypedDep
) -> Response:
    """Delete the selected images."""
    chosen = _selected(studio, project_id, filters, typed)
    head = revisions.delete_images(studio, project_id, chosen)
    told = f"{formats.plural(len(chosen), 'image')} deleted; revision {head.revision - 1} still has them."
    return _told(request, head, told, query=filters.given())


@router.post("/selection/relabel")
def relabel_images(
    request: Request, studio: StudioDep, project_id: str, filters: FiltersDep, typed: TypedDep
) -> Response:
    """Give the selected images another class."""
    chosen = _selected(studio, project_id, filters, typed)
    body = parsed(Relabel, {"image_ids": chosen, "class_id": typed.get("class_id")})
    head = revisions.relabel_images(studio, project_id, body.image_ids, body.class_id)
    return _told(request, head, f"{formats.plural(len(chosen), 'image')} relabelled.", query=filters.given())


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
