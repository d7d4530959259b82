"""/api/training."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from services.gateway.actions import augmentations, comparison, experiment_list, experiments, training
from services.gateway.actions.augmentations import AugmentationPreviewBody
from services.gateway.actions.comparison import Comparison
from services.gateway.actions.configuration import NO_CHANGES, ExperimentBody
from services.gateway.actions.experiment_list import ExperimentQuery, SortBy, SortOrder
from services.gateway.actions.experiments import ExperimentView
from services.gateway.api.events import AfterQuery, LastEventId, answer_stream
from services.gateway.api.http import (
    IdempotencyKey,
    IfMatch,
    Json,
    PageNumber,
    PageSize,
    listed,
    listing,
    revision_of,
    started,
)
from services.gateway.live import Scope
from services.gateway.studio import StudioDep
from shared.schemas.experiment import ExperimentStatus


def _query(
    search: Annotated[str, Query(max_length=200, description="In name, tags, texts and architecture.")] = "",
    status: ExperimentStatus | None = None,
    tag: Annotated[str, Query(max_length=30)] = "",
    sort_by: SortBy = "created_at",
    sort_order: Annotated[SortOrder | None, Query(description="By default the newest and the best first.")] = None,
) -> ExperimentQuery:
    return ExperimentQuery(search, status, tag, sort_by, sort_order)


IdsQuery = Annotated[str, Query(description="Ids, separated by commas.")]
QueryDep = Annotated[ExperimentQuery, Depends(_query)]
router = APIRouter(prefix="/api/training/{project_id}", tags=["training"])
_FROM_THE_START = "0-0"
_ONE = "/experiments/{experiment_id}"


@router.get("/experiments", summary="List experiments")
def list_experiments(
    studio: StudioDep, project_id: str, query: QueryDep, page: PageNumber = 1, page_size: PageSize = 50
) -> Json:
    """Newest first unless sorted otherwise, with status, best metric and its curve."""
    found = experiment_list.find(studio, project_id, query, page, page_size)
    return listed([item.body() for item in found.items], found.total, page, page_size)


@router.post("/experiments", status_code=201, summary="Create an experiment")
def create_experiment(studio: StudioDep, project_id: str, body: ExperimentBody) -> Json:
    """Everything missing is filled from the task's defaults; without a split the newest is taken."""
    return _created(project_id, experiments.create(studio, project_id, body))


@router.get(_ONE, summary="Read an experiment")
def read_experiment(studio: StudioDep, project_id: str, experiment_id: str) -> Json:
    """Configuration, status, summary, checkpoints."""
    return Json(experiments.view(studio, project_id, experiment_id).body())


@router.patch(_ONE, summary="Change an experiment")
def edit_experiment(
    studio: StudioDep, project_id: str, experiment_id: str, body: ExperimentBody, if_match: IfMatch = None
) -> Json:
    """Name, description, notes, tags always; the configuration while `created`, later 409 `experiment_is_locked`."""
    return Json(experiments.edit(studio, project_id, experiment_id, body, revision_of(if_match)).body())


@router.delete(_ONE, status_code=204, summary="Delete an experiment")
def delete_experiment(studio: StudioDep, project_id: str, experiment_id: str) -> Response:
    """With its checkpoints and evaluation; 409 while it runs."""
    experiments.delete(studio, project_id, experiment_id)
    return Response(status_code=204)


@router.post(_ONE + "/duplicate", status_code=201, summary="Copy an experiment's configuration")
def duplicate_experiment(
    studio: StudioDep, project_id: str, experiment_id: str, changes: ExperimentBody = NO_CHANGES
) -> Json:
    """A new experiment, `created`; a body changes what it names."""
    return _created(project_id, experiments.duplicate(studio, project_id, experiment_id, changes))


@router.post(_ONE + "/offer", status_code=201, summary="Copy an experiment with what its failure offers")
def accept_offer(studio: StudioDep, project_id: str, experiment_id: str) -> Json:
    """The changes are in the job's `error.offer`, such as a smaller batch; 409 `nothing_is_offered` without one."""
    return _created(project_id, experiments.accept_offer(studio, project_id, experiment_id))


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


@router.post(_ONE + "/retry", status_code=202, summary="Train a failed experiment again")
def retry(studio: StudioDep, project_id: str, experiment_id: str, key: IdempotencyKey = None) -> Json:
    """From the checkpoint `last` if there is one, else from the start."""
    return started(training.retry(studio, project_id, experiment_id, key))


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


@router.get(_ONE + "/stream", summary="Live events of this training (SSE)", response_class=Response)
def stream(
    studio: StudioDep,
    project_id: str,
    experiment_id: str,
    after: AfterQuery = None,
    last_event_id: LastEventId = None,
) -> Response:
    """Events `job`, `progress`, `epoch`, `log`, `telemetry` of all its jobs, all or those after `Last-Event-ID`."""
    experiments.view(studio, project_id, experiment_id)
    return answer_stream(studio, Scope(experiment_id=experiment_id), last_event_id or after or _FROM_THE_START)


@router.get("/compare", summary="Compare experiments")
def compare(
    studio: StudioDep,
    project_id: str,
    ids: IdsQuery,
    as_format: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
) -> Response:
    """Curves, best and last metrics, and only the settings that differ; as CSV one row an experiment."""
    found = comparison.compare(studio, project_id, [item.strip() for item in ids.split(",") if item.strip()])
    return _csv(found) if as_format == "csv" else Json(found.body())


@router.get("/compare.csv", summary="Compare experiments, as CSV", response_class=Response)
def compare_as_csv(studio: StudioDep, project_id: str, ids: IdsQuery) -> Response:
    """The same as `compare?format=csv`."""
    return compare(studio, project_id, ids, "csv")


def _csv(found: Comparison) -> Response:
    """Return a comparison as a file to save."""
    headers = {"Content-Disposition": 'attachment; filename="comparison.csv"'}
    return Response(comparison.table(found), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/augmentations/preview", summary="See what augmentations make of images")
async def preview_augmentations(studio: StudioDep, project_id: str, body: AugmentationPreviewBody) -> Json:
    """Each image as it is and some results, as JPEG data, with the shapes to draw; 503 while no previewer runs."""
    return Json(await augmentations.preview(studio, project_id, body))


def _created(project_id: str, made: ExperimentView) -> Json:
    path = f"/api/training/{project_id}/experiments/{made.experiment.id}"
    return Json(made.body(), 201, {"Location": path})
