"""/api/datasets."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from services.gateway.actions import datasets
from services.gateway.actions.image_filters import Filters
from services.gateway.api.http import Json, PageNumber, PageSize, encoded_listing
from services.gateway.studio import StudioDep
from services.gateway.thumbnails import FOREVER
from shared.schemas.base import Subset
from shared.store.index_query import SortKey
from shared.taskkit import images as pictures

router = APIRouter(prefix="/api/datasets/{project_id}", tags=["datasets"])
_SHOWN_BY_BROWSERS = ("JPEG", "PNG", "BMP")
_MEDIA_TYPES = {"TIFF": "image/tiff", "BMP": "image/bmp", "PNG": "image/png", "WEBP": "image/webp"}


AnySubset = Subset | Literal["unassigned"]
Number = Annotated[float | None, Query(ge=0, le=1e9, description="Included.")]


async def filters(
    class_name: Annotated[str | None, Query(alias="class", description="Name of a class.")] = None,
    label_state: Annotated[Literal["labelled", "unlabelled"] | None, Query(description="Annotated or not.")] = None,
    split: Annotated[str | None, Query(description="Name of the split that `subset` refers to.")] = None,
    subset: Annotated[
        Subset | Literal["unassigned"] | None, Query(description="Of the split, else as imported.")
    ] = None,
    problem: Annotated[str | None, Query(description="Code of a problem of the last import, or `any`.")] = None,
    image_format: Annotated[str | None, Query(alias="format", description="Of the file, such as JPEG.")] = None,
    min_width: Number = None,
    max_width: Number = None,
    min_height: Number = None,
    max_height: Number = None,
    min_aspect: Number = None,
    max_aspect: Number = None,
    min_annotations: Number = None,
    max_annotations: Number = None,
    min_brightness: Number = None,
    max_brightness: Number = None,
    search: Annotated[str | None, Query(max_length=200, description="Part of the file name.")] = None,
    sort_by: SortKey = "filename",
    sort_order: Literal["asc", "desc"] = "asc",
) -> Filters:
    """Read the filters of the image list off the query string."""
    return Filters(
        class_name=class_name,
        label_state=label_state,
        split=split,
        subset=subset,
        problem=problem,
        format=image_format,
        min_width=min_width,
        max_width=max_width,
        min_height=min_height,
        max_height=max_height,
        min_aspect=min_aspect,
        max_aspect=max_aspect,
        min_annotations=min_annotations,
        max_annotations=max_annotations,
        min_brightness=min_brightness,
        max_brightness=max_brightness,
        search=search,
        sort_by=sort_by,
        sort_order=sort_order,
    )


FiltersDep = Annotated[Filters, Depends(filters)]


@router.get("", summary="Summary of the dataset")
def read_dataset(studio: StudioDep, project_id: str) -> Json:
    """404 before the first import."""
    return Json(datasets.summary(datasets.head(studio, project_id)))


@router.delete("", status_code=204, summary="Clear the dataset")
def delete_dataset(studio: StudioDep, project_id: str) -> Response:
    """409 while a job of the project waits or runs."""
    datasets.delete(studio, project_id)
    return Response(status_code=204)


@router.get("/images", summary="List images")
def list_images(
    studio: StudioDep, project_id: str, chosen: FiltersDep, page: PageNumber = 1, page_size: PageSize = 50
) -> Response:
    """Filter, sort and page through the image records."""
    total, items = datasets.page(studio, project_id, chosen, page, page_size)
    return encoded_listing(items, total, page, page_size)


@router.get("/images/{image_id}", summary="One image")
def read_image(studio: StudioDep, project_id: str, image_id: str, chosen: FiltersDep) -> Json:
    """The record with its subset in every split, and the ids before and after it in the same query."""
    found = datasets.image(studio, project_id, image_id, chosen)
    body = found.record.model_dump(mode="json", exclude_none=True)
    return Json({**body, "splits": dict(found.splits), "previous": found.previous, "next": found.next})


@router.get("/images/{image_id}/overlay", summary="Shapes to draw over an image")
def read_overlay(studio: StudioDep, project_id: str, image_id: str) -> Json:
    """What the annotations look like, in pixels of the upright image."""
    found = datasets.record(studio, project_id, image_id)
    shapes = [item.model_dump(mode="json") for item in datasets.shapes(studio, project_id, found)]
    return Json({"width": found.width, "height": found.height, "shapes": shapes})


@router.get("/images/{image_id}/file", summary="Bytes of an image")
def read_file(request: Request, studio: StudioDep, project_id: str, image_id: str) -> Response:
    """As imported."""
    found, path = datasets.image_file(studio, project_id, image_id)
    media_type = _MEDIA_TYPES.get(found.format, "image/jpeg")
    return _cached(request, found.sha256, media_type, path.read_bytes)


@router.get("/images/{image_id}/display", summary="An image as a browser can show it")
def read_display(request: Request, studio: StudioDep, project_id: str, image_id: str) -> Response:
    """The bytes as imported, or in full size as PNG where browsers do not know the format or how it is turned."""
    found, path = datasets.image_file(studio, project_id, image_id)
    if found.format in _SHOWN_BY_BROWSERS:
        return _cached(request, found.sha256, _MEDIA_TYPES.get(found.format, "image/jpeg"), path.read_bytes)
    return _cached(request, f"{found.sha256}-png", "image/png", lambda: pictures.rendition(path.read_bytes()))


@router.get("/images/{image_id}/thumbnail", summary="Thumbnail of an image")
def read_thumbnail(request: Request, studio: StudioDep, project_id: str, image_id: str) -> Response:
    """A JPEG of at most 256 x 256 pixels."""
    return _cached(request, f"{image_id}-256", "image/jpeg", lambda: datasets.thumbnail(studio, project_id, image_id))


def _cached(request: Request, tag: str, media_type: str, read: Callable[[], bytes]) -> Response:
    """Answer bytes that never change under this address: named by content."""
    headers = {"ETag": f'"{tag}"', "Cache-Control": FOREVER, "X-Content-Type-Options": "nosniff"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(read(), media_type=media_type, headers=headers)
