"""/api/splits."""

from fastapi import APIRouter, Response

from services.gateway.actions import splits
from services.gateway.actions.splits import NewSplit
from services.gateway.api.http import Json, PageNumber, PageSize, listing
from services.gateway.studio import StudioDep
from shared.errors import Conflict
from shared.schemas.split import Split, SplitPreview, SplitRequest

router = APIRouter(prefix="/api/splits/{project_id}", tags=["splits"])


@router.post("/preview", summary="Preview a split", response_model=SplitPreview)
def preview_split(studio: StudioDep, project_id: str, body: SplitRequest) -> Json:
    """Stores nothing; the same body on the same dataset always gives the same answer.

    `leaks` tells which images that are alike would stand on different sides.
    """
    return Json(splits.preview(studio, project_id, body).model_dump(mode="json"))


@router.get("", summary="List splits")
def list_splits(studio: StudioDep, project_id: str, page: PageNumber = 1, page_size: PageSize = 50) -> Json:
    """Newest first, without the assignment of the single images."""
    return listing([_body(item) for item in splits.listed(studio, project_id)], page, page_size)


@router.post("", status_code=201, summary="Create a split")
def create_split(studio: StudioDep, project_id: str, body: NewSplit) -> Json:
    """Exactly what the preview of the same body shows; 409 `split_leaks` where that is not accepted.

    With `folds` the answer is a list of them, each a split of its own; all are stored or none.
    """
    made = splits.create(studio, project_id, body)
    if body.folds is None:
        return Json(_body(made[0]), 201, {"Location": f"/api/splits/{project_id}/{made[0].id}"})
    body_of_all = {"items": [_body(item) for item in made], "total": len(made), "page": 1, "page_size": len(made)}
    return Json(body_of_all, 201, {"Location": f"/api/splits/{project_id}"})


@router.get("/{split_name}", summary="Read a split")
def read_split(studio: StudioDep, project_id: str, split_name: str) -> Json:
    """By name or id, with the ids of the images of each subset."""
    found = splits.get(studio, project_id, split_name)
    return Json({**_body(found), "assignment": found.assignment})


@router.delete("/{split_name}", status_code=204, summary="Delete a split")
def delete_split(studio: StudioDep, project_id: str, split_name: str) -> Response:
    """409 while an experiment uses it."""
    splits.delete(studio, project_id, split_name)
    return Response(status_code=204)


@router.api_route("/{split_name}", methods=["PUT", "PATCH", "POST"], include_in_schema=False)
def refuse_change(studio: StudioDep, project_id: str, split_name: str) -> Response:
    """Splits never change."""
    found = splits.get(studio, project_id, split_name)
    raise Conflict(
        "split_is_immutable", f"The split {found.name!r} cannot be changed.", hint="Create another one instead."
    )


def _body(split: Split) -> dict[str, object]:
    return {
        **split.model_dump(mode="json", exclude={"schema_version", "assignment"}),
        "locked": True,
        "leaky": split.leaky,
    }
