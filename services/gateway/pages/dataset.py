"""The dataset: getting images in, and looking at them."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Query, Request, Response

from services.gateway.actions import datasets, splits
from services.gateway.actions.datasets import ImageDetail
from services.gateway.actions.image_filters import Filters
from services.gateway.pages import formats, imports, tiles
from services.gateway.pages.forms import parsed
from services.gateway.pages.imports import Importing
from services.gateway.pages.pager import Pager, pager
from services.gateway.pages.rendering import View, go_to, link, show
from services.gateway.pages.shell import project_path, shell
from services.gateway.pages.tiles import Tile, tile
from services.gateway.studio import Studio, StudioDep
from shared.schemas.base import SUBSETS
from shared.schemas.dataset import DatasetHead
from shared.schemas.project import Project
from shared.taskkit import plots
from shared.taskkit.plots import Bars

router = APIRouter(prefix="/projects/{project_id}/dataset", include_in_schema=False)
PAGE_SIZE = 60


@dataclass(frozen=True)
class ClassRow:
    """A class with how often it is annotated, and in how many images; `url` shows its images only."""

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


@dataclass(frozen=True, kw_only=True)
class DatasetView(View):
    """The grid with its filters, the statistics, and the import."""

    template: ClassVar[str] = "pages/dataset.html"
    fragments: ClassVar[dict[str, str]] = {"images": "images"}

    project: Project
    path: str
    head: DatasetHead | None
    chosen: dict[str, str]
    tiles: list[Tile]
    pager: Pager | None
    classes: list[ClassRow]
    targets: list[TargetPlot]
    split_names: list[str]
    subsets: tuple[str, ...]
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


def _filters(request: Request) -> Filters:
    return parsed(
        Filters, {name: value for name, value in request.query_params.items() if value != "" and name != "page"}
    )


FiltersDep = Annotated[Filters, Depends(_filters)]
PageDep = Annotated[int, Query(ge=1, le=10_000_000)]


@router.get("")
def read(request: Request, studio: StudioDep, project_id: str, filters: FiltersDep, page: PageDep = 1) -> Response:
    """Show the images that match."""
    return show(request, _view(studio, project_id, filters, page))


@router.post("/clear")
def clear(request: Request, studio: StudioDep, project_id: str) -> Response:
    """Remove the dataset."""
    datasets.delete(studio, project_id)
    told = {"kind": "ok", "message": "The dataset is removed."}
    return go_to(request, project_path(project_id, "dataset"), toast=told)


@router.get("/images/{image_id}")
def image(request: Request, studio: StudioDep, project_id: str, image_id: str, filters: FiltersDep) -> Response:
    """Show one image with its neighbours in the same query."""
    project = studio.workspace.projects.get(project_id)
    frame = shell(studio, "Image", project=project, step="dataset")
    detail = datasets.image(studio, project_id, image_id, filters)
    path, query = project_path(project_id, "dataset"), filters.given()
    view = ImageView(
        shell=frame,
        project=project,
        detail=detail,
        file=tiles.file_url(project_id, image_id),
        shapes=tiles.drawn(detail.shapes),
        facts=tiles.facts(detail.record, formats.size(detail.record.bytes)),
        back=link(path, **query),
        previous=link(f"{path}/images/{detail.previous}", **query) if detail.previous else "",
        next=link(f"{path}/images/{detail.next}", **query) if detail.next else "",
    )
    return show(request, view)


def _view(studio: Studio, project_id: str, filters: Filters, page: int) -> DatasetView:
    project = studio.workspace.projects.get(project_id)
    frame = shell(studio, "Dataset", project=project, step="dataset")
    head = datasets.find_head(studio, project_id)
    path = project_path(project_id, "dataset")
    query = filters.given()
    total, shown = _tiles(studio, project, head, filters, page) if head else (0, [])
    return DatasetView(
        shell=frame,
        project=project,
        path=path,
        head=head,
        chosen={
            **dict.fromkeys(("class", "label_state", "split", "subset", "search"), ""),
            **_sorting(filters),
            **query,
        },
        tiles=shown,
        pager=pager(total, page, PAGE_SIZE, lambda number: link(path, **query, page=number)) if head else None,
        classes=_classes(head, path, query) if head else [],
        targets=_targets(head) if head else [],
        split_names=[split.name for split in splits.listed(studio, project_id)],
        subsets=(*SUBSETS, "unassigned"),
        imports=imports.importing(studio, project, head is not None),
    )


def _sorting(filters: Filters) -> dict[str, str]:
    return {"sort_by": filters.sort_by, "sort_order": filters.sort_order}


def _tiles(studio: Studio, project: Project, head: DatasetHead, filters: Filters, page: int) -> tuple[int, list[Tile]]:
    total, records = datasets.records(studio, project.id, filters, page, PAGE_SIZE)
    path, query = project_path(project.id, "dataset"), filters.given()
    made = [
        tile(project.id, project.task, record, head.legend, link(f"{path}/images/{record.id}", **query))
        for record in records
    ]
    return total, made


def _classes(head: DatasetHead, path: str, query: dict[str, str]) -> list[ClassRow]:
    images = head.statistics.class_counts
    counts = head.statistics.annotation_counts or images  # heads of older studios count images only
    largest = max([1, *counts.values()])
    rows = []
    for item in head.classes:
        current = query.get("class") == item.name
        url = link(path, **{**query, "class": "" if current else item.name})
        count = counts.get(item.id, 0)
        rows.append(ClassRow(item.name, item.color, count, images.get(item.id, 0), count / largest, url, current))
    return rows


def _targets(head: DatasetHead) -> list[TargetPlot]:
    return [
        TargetPlot(
            name=target.name,
            unit=target.unit,
            bars=plots.bars(found.counts, found.min, found.max),
            facts=[("Mean ± std", f"{plots.number(found.mean)} ± {plots.number(found.std)}")],
        )
        for target, found in zip(head.targets, head.statistics.targets, strict=False)
    ]
