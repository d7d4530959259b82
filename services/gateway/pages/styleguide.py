"""The page of components, for those who build pages. Only in development."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Query, Request, Response

from services.gateway.pages import scenes
from services.gateway.pages.curves import Chart, Series
from services.gateway.pages.pager import Pager, pager
from services.gateway.pages.rendering import View, show
from services.gateway.pages.scenes import Scene
from services.gateway.pages.schema_form import Group, groups
from services.gateway.pages.shell import shell
from services.gateway.pages.tiles import Tile
from services.gateway.studio import StudioDep
from shared.errors import NotFound
from shared.schemas.job import Job, JobError, JobKind, JobStatus, Progress
from shared.taskkit.parameters import TrainParams

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class StyleguideView(View):
    """Samples of everything."""

    template: ClassVar[str] = "pages/styleguide.html"

    statuses: list[str]
    jobs: list[Job]
    error: JobError
    groups: list[Group]
    chart: Chart
    pager: Pager
    scenes: list[Scene]
    tiles: list[Tile]


@router.get("/styleguide")
def read(request: Request, studio: StudioDep, boxes: Annotated[int, Query(ge=0, le=20_000)] = 2_000) -> Response:
    """Show every component in its states, and a crowd of so many `boxes`.

    Raises:
        NotFound: the studio does not run in development mode.
    """
    if studio.settings.mode != "development":
        raise NotFound("not_found", "There is nothing at /styleguide.")
    view = StyleguideView(
        shell=shell(studio, "Styleguide"),
        statuses=["created", "queued", "running", "completed", "failed", "cancelled"],
        jobs=_jobs(),
        error=JobError(
            code="out_of_memory",
            message="The GPU ran out of memory at epoch 7.",
            hint="Use a smaller batch or image size.",
            traceback="Traceback (most recent call last):\n  …\nOutOfMemoryError: tried to allocate 2.1 GiB",
        ),
        groups=_groups(),
        chart=_chart(),
        pager=pager(1234, 7, 60, lambda number: f"/styleguide?page={number}"),
        scenes=scenes.scenes(boxes),
        tiles=scenes.tiles(),
    )
    return show(request, view)


def _jobs() -> list[Job]:
    known = Progress(phase="train", done=640, total=1000, unit="images", message="Epoch 4 of 10", rate=212, eta_s=95)
    running = {"kind": JobKind.TRAINING, "project_id": "project-00000000", "payload": {}, "status": JobStatus.RUNNING}
    return [
        Job.model_validate({"id": "job-00000001", "title": "Share known", "progress": known, **running}),
        Job.model_validate({"id": "job-00000002", "title": "Share unknown", "progress": None, **running}),
    ]


def _groups() -> list[Group]:
    errors = {"sample.learning_rate": "must be greater than 0"}
    values = {"epochs": 40, "learning_rate": 0.0}
    schema = TrainParams.model_json_schema()
    return groups(schema, values, prefix="sample.", defaults={}, labels={}, error=lambda name: errors.get(name, ""))


def _chart() -> Chart:
    rows: list[dict[str, float | None]] = [
        {"epoch": float(epoch), "train_loss": 2.2 / epoch**0.7, "val_loss": 2.3 / epoch**0.55} for epoch in range(1, 25)
    ]
    series = [Series("train_loss", "Train", 0), Series("val_loss", "Validation", 1)]
    return Chart("sample-chart", "Loss", series, rows, percent=False, job=None, total=30)
