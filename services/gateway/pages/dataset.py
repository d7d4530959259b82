"""The dataset: getting images in, and looking at them."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from services.gateway.actions import datasets, revisions, splits
from services.gateway.actions.datasets import ImageDetail
from services.gateway.actions.image_filters import Filters, MetProblems, met_problems
from services.gateway.pages import formats, imports, statistics, tiles
from services.gateway.pages.forms import Form, parsed
from services.gateway.pages.imports import Importing
from services.gateway.pages.pager import Pager, pager
from services.gateway.pages.rendering import View, go_to, link, show
from services.gateway.pages.shell import project_path, shell
from services.gateway.pages.statistics import Chip, ClassRow, FilterChart, TargetPlot
from services.gateway.pages.tiles import Tile, tile
from services.gateway.studio import Studio, StudioDep
from shared.schemas.annotations import AnnotationKind
from shared.schemas.base import SUBSETS
from shared.schemas.dataset import DatasetHead
from shared.schemas.project import Project
from shared.taskkit import registry

router = APIRouter(prefix="/projects/{project_id}/dataset", include_in_schema=False)
PAGE_SIZE = 60
FILTER_NAMES = {item.alias or name for name, item in Filters.model_fields.items()}


DENSITIES = {"": "Normal", "compact": "Compact", "large": "Large"}
SORTS = {
    "filename": "Name",
    "class": "Class",
    "size": "File size",
    "imported_at": "Imported",
    "annotations": "Annotations",
}


@dataclass(frozen=True, kw_only=True)
class DatasetView(View):
    """The grid with its filters, the statistics, and the import.

    `query` is the address but for the page; what it says nothing of is empty. `unshown` are filters without a field.
    """

    template: ClassVar[str] = "pages/dataset.html"
    fragments: ClassVar[dict[str, str]] = {"images": "images", "browse": "browse"}

    project: Project
    path: str
    head: DatasetHead | None
    query: dict[str, str]
    tiles: list[Tile]
    pager: Pager | None
    chips: list[Chip]
    unshown: dict[str, str]
    classes: list[ClassRow]
    class_form: Form
    charts: list[FilterChart]
    targets: list[TargetPlot]
    split_names: list[str]
    subsets: tuple[str, ...]
    problems: list[MetProblems]
    sorts: dict[str, str]
    densities: dict[str, str]
    can_relabel: bool
    imports: Importing


@dataclass(frozen=True, kw_only=True)
class ImageView(View):
    """One image, full size."""

    template: ClassVar[str] = "pages/image.html"

    project: Project
    detail: ImageDetail
    file: str
    shapes: list[dict[str, object]]
    facts: list[tuple[str, str]]
    back: str
    previous: str
    next: str


async def filters_of(request: Request) -> Filters:
    """Read filters off an address; what is empty means any, what is no filter is of others."""
    given = {name: value for name, value in request.query_params.items() if value != "" and name in FILTER_NAMES}
    return parsed(Filters, given)


FiltersDep = Annotated[Filters, Depends(filters_of)]
PageDep = Annotated[int, Query(ge=1, le=10_000_000)]


@router.get("")
def read(
    request: Request,
    studio: StudioDep,
    project_id: str,
    filters: FiltersDep,
    page: PageDep = 1,
    at: str = "",
    density: Literal["", "compact", "large"] = "",
) -> Response:
    """Show the images that match, a page by its number or by an image `at` it."""
    if at and datasets.find_head(studio, project_id):
        page = datasets.page_of(studio, project_id, filters, at, PAGE_SIZE)
    query = filters.given() | ({"density": density} if density else {})
    return show(request, _view(studio, project_id, filters, page, query))


@router.post("/clear")
def clear(request: Request, studio: StudioDep, project_id: str) -> Response:
    """Remove the dataset."""
    datasets.delete(studio, project_id)
    told = {"kind": "ok", "message": "The dataset is removed."}
    return go_to(request, project_path(project_id, "dataset"), toast=told)


@router.get("/images/{image_id}")
def image(
    request: Request, studio: StudioDep, project_id: str, image_id: str, filters: FiltersDep, density: str = ""
) -> Response:
    """Show one image with its neighbours in the same query."""
    project = studio.workspace.projects.get(project_id)
    frame = shell(studio, "Image", project=project, step="dataset")
    detail = datasets.image(studio, project_id, image_id, filters)
    path, query = project_path(project_id, "dataset"), filters.given()
    if density in DENSITIES and density:
        query["density"] = density
    view = ImageView(
        shell=frame,
        project=project,
        detail=detail,
        file=tiles.display_url(project_id, image_id),
        shapes=tiles.drawn(detail.shapes),
        facts=tiles.facts(detail.record, formats.size(detail.record.bytes)),
        back=link(path, **query, at=image_id),
        previous=link(f"{path}/images/{detail.previous}", **query) if detail.previous else "",
        next=link(f"{path}/images/{detail.next}", **query) if detail.next else "",
    )
    return show(request, view)


def _view(studio: Studio, project_id: str, filters: Filters, page: int, query: dict[str, str]) -> DatasetView:
    project = studio.workspace.projects.get(project_id)
    frame = shell(studio, "Dataset", project=project, step="dataset")
    head = datasets.find_head(studio, project_id)
    path = project_path(project_id, "dataset")
    total, shown = _tiles(studio, project, head, filters, page, query) if head else (0, [])
    return DatasetView(
        shell=frame,
        project=project,
        path=path,
        head=head,
        query={**dict.fromkeys((*FILTER_NAMES, "density"), ""), **query},
        tiles=shown,
        pager=pager(total, page, PAGE_SIZE, lambda number: link(path, **query, page=number)) if head else None,
        chips=statistics.chips(path, query),
        unshown={name: value for name, value in query.items() if name in statistics.UNSHOWN},
        classes=statistics.classes(head, path, query) if head else [],
        class_form=Form(),
        charts=statistics.charts(head.statistics, path, query) if head else [],
        targets=statistics.targets(head) if head else [],
        split_names=[split.name for split in splits.listed(studio, project_id)],
        subsets=(*SUBSETS, "unassigned"),
        problems=met_problems(datasets.store(studio, project_id), head) if head else [],
        sorts=_sorts(registry.spec(project.task).annotation_kind),
        densities=DENSITIES,
        can_relabel=bool(head and head.classes) and revisions.can_relabel(studio, project_id),
        imports=imports.importing(studio, project, head is not None),
    )


def _sorts(kind: AnnotationKind) -> dict[str, str]:
    """Return what images can be sorted by: numbers have no class, and of labels and numbers an image has one."""
    senseless = {"value": ("class", "annotations"), "label": ("annotations",)}.get(kind, ())
    return {key: text for key, text in SORTS.items() if key not in senseless}


def _tiles(
    studio: Studio, project: Project, head: DatasetHead, filters: Filters, page: int, query: dict[str, str]
) -> tuple[int, list[Tile]]:
    total, records = datasets.records(studio, project.id, filters, page, PAGE_SIZE)
    path = project_path(project.id, "dataset")
    made = [
        tile(project.id, project.task, record, head.legend, link(f"{path}/images/{record.id}", **query))
        for record in records
    ]
    return total, made
