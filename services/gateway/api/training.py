"""/api/training."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.gateway.actions import experiments, training
from services.gateway.actions.configuration import ExperimentBody
from services.gateway.api.events import AfterQuery, LastEventId, answer_stream
from services.gateway.api.http import IdempotencyKey, IfMatch, Json, PageNumber, PageSize, listing, revision_of, started
from services.gateway.live import Scope
from services.gateway.studio import StudioDep

router = APIRouter(prefix="/api/training/{project_id}", tags=["training"])
_FROM_THE_START = "0-0"
_ONE = "/experiments/{experiment_id}"


@router.get("/experiments", summary="List experiments")
def list_experiments(studio: StudioDep, project_id: str, page: PageNumber = 1, page_size: PageSize = 50) -> Json:
    """Newest first, with status and best metric."""
    return listing([item.body() for item in experiments.listed(studio, project_id)], page, page_size)


@router.post("/experiments", status_code=201, summary="Create an experiment")
def create_experiment(studio: StudioDep, project_id: str, body: ExperimentBody) -> Json:
    """Everything missing is filled from the task's defaults; without a split the newest is taken."""
    made = experiments.create(studio, project_id, body)
    path = f"/api/training/{project_id}/experiments/{made.experiment.id}"
    return Json(made.body(), 201, {"Location": path})


@router.get(_ONE, summary="Read an experiment")
def read_experiment(studio: StudioDep, project_id: str, experiment_id: str) -> Json:
    """Configuration, status, summary, checkpoints."""
    return Json(experiments.view(studio, project_id, experiment_id).body())


@router.patch(_ONE, summary="Change an experiment")
def edit_experiment(
    studio: StudioDep, project_id: str, experiment_id: str, body: ExperimentBody, if_match: IfMatch = None
) -> Json:
    """Name and description always; the configuration while it is `created`, later 409 `experiment_is_locked`."""
    return Json(experiments.edit(studio, project_id, experiment_id, body, revision_of(if_match)).body())


@router.delete(_ONE, status_code=204, summary="Delete an experiment")
def delete_experiment(studio: StudioDep, project_id: str, experiment_id: str) -> Response:
    """With its checkpoints and evaluation; 409 while it runs."""
    experiments.delete(studio, project_id, experiment_id)
    return Response(status_code=204)


@router.post(_ONE + "/duplicate", status_code=201, summary="Copy an experiment's configuration")
def duplicate_experiment(studio: StudioDep, project_id: str, experiment_id: str) -> Json:
    """A new experiment, `created`."""
    made = experiments.duplicate(studio, project_id, experiment_id)
    path = f"/api/training/{project_id}/experiments/{made.experiment.id}"
    return Json(made.body(), 201, {"Location": path})


@router.post(_ONE + "/train", status_code=202, summary="Start training")
def train(studio: StudioDep, project_id: str, experiment_id: str, key: IdempotencyKey = None) -> Json:
    """Locks the configuration."""
    return started(training.train(studio, project_id, experiment_id, key))


@router.post(_ONE + "/stop", status_code=202, summary="Stop training")
def stop(studio: StudioDep, project_id: str, experiment_id: str) -> Json:
    """After the current batch; best and last checkpoint are kept."""
    return started(training.stop(studio, project_id, experiment_id))


@router.post(_ONE + "/resume", status_code=202, summary="Resume training")
def resume(studio: StudioDep, project_id: str, experiment_id: str, key: IdempotencyKey = None) -> Json:
    """From the checkpoint `last`."""
    return started(training.resume(studio, project_id, experiment_id, key))


@router.post(_ONE + "/restart", summary="Drop results and unlock")
def restart(studio: StudioDep, project_id: str, experiment_id: str) -> Json:
    """Back to `created`."""
    return Json(training.restart(studio, project_id, experiment_id).body())


@router.get(_ONE + "/metrics", summary="Metric rows")
def read_metrics(
    studio: StudioDep,
    project_id: str,
    experiment_id: str,
    since_epoch: Annotated[int, Query(ge=0)] = 0,
    page: PageNumber = 1,
    page_size: Annotated[int, Query(ge=1, le=1000)] = 1000,
) -> Json:
    """One row an epoch; a page holds the longest training there can be."""
    rows = experiments.metrics(studio, project_id, experiment_id, since_epoch)
    return listing([row.model_dump(mode="json") for row in rows], page, page_size)


@router.get(_ONE + "/log", summary="Log of the training", response_class=Response)
def read_log(
    studio: StudioDep, project_id: str, experiment_id: str, tail: Annotated[int, Query(ge=1, le=100_000)] = 500
) -> Response:
    """The last lines, as text."""
    return Response(experiments.log(studio, project_id, experiment_id, tail), media_type="text/plain; charset=utf-8")


@router.get(_ONE + "/stream", summary="Live events of this training (SSE)", response_class=Response)
def stream(
    studio: StudioDep,
    project_id: str,
    experiment_id: str,
    after: AfterQuery = None,
    last_event_id: LastEventId = None,
) -> Response:
    """Events `job`, `progress`, `epoch`, `log` of all its jobs, from the first on or after `Last-Event-ID`."""
    experiments.view(studio, project_id, experiment_id)
    return answer_stream(studio, Scope(experiment_id=experiment_id), last_event_id or after or _FROM_THE_START)


@router.get("/compare", summary="Compare experiments")
def compare(
    studio: StudioDep, project_id: str, ids: Annotated[str, Query(description="Ids, separated by commas.")]
) -> Json:
    """Curves, final metrics, and only the settings that differ."""
    return Json(experiments.compare(studio, project_id, [item for item in ids.split(",") if item]))
