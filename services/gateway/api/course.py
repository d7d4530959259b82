"""/api/training: what a training wrote on its way."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.gateway.actions import course
from services.gateway.api.http import Json, PageNumber, listing
from services.gateway.studio import StudioDep

router = APIRouter(prefix="/api/training/{project_id}/experiments/{experiment_id}", tags=["training"])
AllRows = Annotated[int, Query(ge=1, le=2000)]


@router.get("/telemetry", summary="What the machine did")
def read_telemetry(
    studio: StudioDep, project_id: str, experiment_id: str, page: PageNumber = 1, page_size: AllRows = 2000
) -> Json:
    """Processor, memory, GPUs and disk every few seconds, sizes in bytes; a page holds all there are.

    Of a long training fewer readings of each hour are kept.
    """
    rows = course.telemetry(studio, project_id, experiment_id)
    return listing([row.model_dump(mode="json") for row in rows], page, page_size)


@router.get("/steps", summary="Losses on the way")
def read_steps(
    studio: StudioDep,
    project_id: str,
    experiment_id: str,
    since_step: Annotated[int, Query(ge=0)] = 0,
    page: PageNumber = 1,
    page_size: AllRows = 2000,
) -> Json:
    """Loss and learning rate; of a long training each is the mean of some batches, so that a page holds all."""
    rows = course.steps(studio, project_id, experiment_id, since_step)
    return listing([row.model_dump(mode="json") for row in rows], page, page_size)


@router.get("/samples", summary="Sample predictions")
def read_samples(
    studio: StudioDep, project_id: str, experiment_id: str, epoch: Annotated[int | None, Query(ge=1)] = None
) -> Json:
    """A few validation images with shapes of truth and prediction after an epoch, without `epoch` the newest."""
    return Json(course.samples(studio, project_id, experiment_id, epoch))


@router.get("/skipped", summary="Images that could not be read")
def read_skipped(
    studio: StudioDep, project_id: str, experiment_id: str, page: PageNumber = 1, page_size: AllRows = 50
) -> Json:
    """File, reason and the epoch in which each was first met; the training went on without them."""
    rows = course.skipped(studio, project_id, experiment_id)
    return listing([row.model_dump(mode="json") for row in rows], page, page_size)


@router.get("/log", summary="Log of the training", response_class=Response)
def read_log(
    studio: StudioDep, project_id: str, experiment_id: str, tail: Annotated[int, Query(ge=1, le=100_000)] = 500
) -> Response:
    """The last lines, as text; a resumed training's begins with what was printed before."""
    return Response(course.log(studio, project_id, experiment_id, tail), media_type="text/plain; charset=utf-8")
