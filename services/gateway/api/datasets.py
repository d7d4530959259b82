"""/api/datasets."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from services.gateway.actions import datasets
from services.gateway.actions.datasets import Filters
from services.gateway.api.http import Json, PageNumber, PageSize, encoded_listing
from services.gateway.studio import StudioDep
from shared.store.index import SortKey

router = APIRouter(prefix="/api/datasets/{project_id}", tags=["datasets"])
_FOREVER = "private, max-age=31536000, immutable"
_MEDIA_TYPES = {"TIFF": "image/tiff", "BMP": "image/bmp", "PNG": "image/png", "WEBP": "image/webp"}


def filters(
    class_name: Annotated[str | None, Query(alias="class", description="Name of a class.")] = None,
    label_state: Literal["labelled", "unlabelled"] | None = None,
    split: Annotated[str | None, Query(description="Name of the split that `subset` refers to.")] = None,
    subset: Literal["train", "val", "test", "unassigned"] | None = None,
    search: Annotated[str | None, Query(max_length=200, description="Part of the file name.")] = None,
    sort_by: SortKey = "filename",
    sort_order: Literal["asc", "desc"] = "asc",
) -> Filters:
    """Read the filters of the image list off the query string."""
    return Filters(class_name, label_state, split, subset, search, sort_by, sort_order)


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


@router.get("/images/{image_id}/thumbnail", summary="Thumbnail of an image")
def read_thumbnail(request: Request, studio: StudioDep, project_id: str, image_id: str) -> Response:
    """A JPEG of at most 256 x 256 pixels."""
    return _cached(request, f"{image_id}-256", "image/jpeg", lambda: datasets.thumbnail(studio, project_id, image_id))


def _cached(request: Request, tag: str, media_type: str, read: Callable[[], bytes]) -> Response:
    """Answer bytes that never change under this address: named by content."""
    headers = {"ETag": f'"{tag}"', "Cache-Control": _FOREVER, "X-Content-Type-Options": "nosniff"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(read(), media_type=media_type, headers=headers)
