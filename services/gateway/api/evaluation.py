"""/api/evaluation: one evaluation an experiment."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from services.gateway.actions import evaluations
from services.gateway.actions.evaluations import EvaluationBody, ResultFilters
from services.gateway.api.http import IdempotencyKey, Json, PageNumber, PageSize, listing, started
from services.gateway.studio import StudioDep
from shared.schemas.base import Subset

router = APIRouter(prefix="/api/evaluation/{project_id}/{experiment_id}", tags=["evaluation"])


def filters(
    subset: Subset | None = None,
    correct: bool | None = None,
    class_name: Annotated[str | None, Query(alias="class", description="True class.")] = None,
    predicted: Annotated[str | None, Query(description="Predicted class.")] = None,
    min_confidence: Annotated[float | None, Query(ge=0, le=1)] = None,
    max_confidence: Annotated[float | None, Query(ge=0, le=1)] = None,
    sort_by: Literal["filename", "confidence", "error"] = "filename",
    sort_order: Literal["asc", "desc"] = "asc",
) -> ResultFilters:
    """Read the filters of the results off the query string."""
    return ResultFilters(subset, correct, class_name, predicted, min_confidence, max_confidence, sort_by, sort_order)


FiltersDep = Annotated[ResultFilters, Depends(filters)]


@router.post("", status_code=202, summary="Evaluate a completed experiment")
def start(
    studio: StudioDep, project_id: str, experiment_id: str, body: EvaluationBody, key: IdempotencyKey = None
) -> Json:
    """Replaces an older evaluation."""
    return started(evaluations.start(studio, project_id, experiment_id, body, key))


@router.get("", summary="Status and totals of the evaluation")
def read(studio: StudioDep, project_id: str, experiment_id: str) -> Json:
    """404 before the first evaluation."""
    return Json(evaluations.get(studio, project_id, experiment_id).body())


@router.delete("", status_code=204, summary="Reset the evaluation")
def delete(studio: StudioDep, project_id: str, experiment_id: str) -> Response:
    """Removes it at once."""
    evaluations.delete(studio, project_id, experiment_id)
    return Response(status_code=204)


@router.get("/results", summary="Per-image results")
def list_results(
    studio: StudioDep,
    project_id: str,
    experiment_id: str,
    chosen: FiltersDep,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Json:
    """Filter, sort and page through them."""
    found = evaluations.results(studio, project_id, experiment_id, chosen)
    start = (page - 1) * page_size
    items = [item.model_dump(mode="json") for item in found[start : start + page_size]]
    return Json({"items": items, "total": len(found), "page": page, "page_size": page_size})


@router.get("/results/{image_id}", summary="One result")
def read_result(studio: StudioDep, project_id: str, experiment_id: str, image_id: str, chosen: FiltersDep) -> Json:
    """With the image's record, shapes of truth and prediction, and the neighbours in the same filters."""
    found = evaluations.result(studio, project_id, experiment_id, image_id, chosen)
    return Json(
        {
            **found.result.model_dump(mode="json"),
            "record": found.record.model_dump(mode="json", exclude_none=True),
            "shapes": {
                "truth": [item.model_dump(mode="json") for item in found.truth],
                "prediction": [item.model_dump(mode="json") for item in found.prediction],
            },
            "previous": found.previous,
            "next": found.next,
        }
    )


@router.get("/checkpoints", summary="Checkpoints that exist")
def list_checkpoints(
    studio: StudioDep, project_id: str, experiment_id: str, page: PageNumber = 1, page_size: PageSize = 50
) -> Json:
    """Name, epoch, metric, size, when written."""
    found = evaluations.checkpoints(studio, project_id, experiment_id)
    return listing([item.model_dump(mode="json") for item in found], page, page_size)
