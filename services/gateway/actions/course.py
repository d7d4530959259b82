"""The course of a training, as it was written row by row: sensors, losses, sample predictions, its log."""

from typing import Any

from services.gateway.actions import evaluations, experiments
from services.gateway.studio import Studio
from shared.errors import NotFound
from shared.schemas.course import SkippedImage, StepRow, TelemetryRow
from shared.schemas.evaluation import ImageResult
from shared.schemas.job import Job, JobKind
from shared.store.course import Course
from shared.taskkit.shapes import Shape

_LINE_BYTES = 500
"""More than a line of a log is long, as a rule; of longer ones a tail shows fewer."""


def telemetry(studio: Studio, project_id: str, experiment_id: str) -> list[TelemetryRow]:
    """Return what the sensors said, oldest first."""
    return _course(studio, project_id, experiment_id).telemetry()


def steps(studio: Studio, project_id: str, experiment_id: str, since_step: int = 0) -> list[StepRow]:
    """Return the losses after a step, oldest first."""
    return [row for row in _course(studio, project_id, experiment_id).steps() if row.step > since_step]


def skipped(studio: Studio, project_id: str, experiment_id: str) -> list[SkippedImage]:
    """Return the images the training could not read."""
    return _course(studio, project_id, experiment_id).skipped()


def samples(studio: Studio, project_id: str, experiment_id: str, epoch: int | None = None) -> dict[str, Any]:
    """Return the sample predictions after an epoch, with shapes to draw, and the epochs there are; None is the newest.

    Raises:
        NotFound: the epoch has none.
    """
    found = _course(studio, project_id, experiment_id).samples()
    epochs = [row.epoch for row in found]
    if epoch is None and not found:
        return {"epoch": None, "epochs": [], "items": []}
    row = next((row for row in reversed(found) if epoch in (None, row.epoch)), None)
    if row is None:
        known = f"from {epochs[0]} to {epochs[-1]}" if epochs else "none yet"
        raise NotFound("samples_not_found", f"Epoch {epoch} has no sample predictions.", hint=f"There are {known}.")
    task = studio.workspace.projects.get(project_id).task
    legend = evaluations.legend(studio, project_id, experiment_id)
    items = [_sample(item, evaluations.result_shapes(task, item, legend)) for item in row.items]
    return {"epoch": row.epoch, "epochs": epochs, "items": items}


def log(studio: Studio, project_id: str, experiment_id: str, tail: int = 500) -> str:
    """Return the last lines of what the training printed, in the runs it goes on from too."""
    lines: list[str] = []
    for job in _jobs(studio, project_id, experiment_id):
        if len(lines) >= tail:
            break
        lines = [*_printed(studio, job, tail - len(lines)), *lines]
    return "\n".join(lines[-tail:])


def _course(studio: Studio, project_id: str, experiment_id: str) -> Course:
    experiments.view(studio, project_id, experiment_id)
    return studio.workspace.experiments(project_id).course(experiment_id)


def _sample(item: ImageResult, shapes: list[Shape]) -> dict[str, Any]:
    told = item.model_dump(mode="json", include={"image_id", "filename", "width", "height", "correct", "confidence"})
    return {**told, "prediction": item.prediction, "shapes": [shape.model_dump(mode="json") for shape in shapes]}


def _jobs(studio: Studio, project_id: str, experiment_id: str) -> list[Job]:
    """Return the training's jobs, newest first, down to the one that began it."""
    newest = experiments.view(studio, project_id, experiment_id).job
    if newest is None:
        return []
    chain = [newest]
    if newest.payload.get("resume"):
        for job in studio.workspace.jobs.list():
            mine = job.kind is JobKind.TRAINING and job.payload.get("experiment_id") == experiment_id
            if mine and job.created_at < newest.created_at:
                chain.append(job)
                if not job.payload.get("resume"):
                    break
    return chain


def _printed(studio: Studio, job: Job, tail: int) -> list[str]:
    path = studio.workspace.jobs.log_path(job.id)
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - tail * _LINE_BYTES))
        return file.read().decode("utf-8", "replace").splitlines()[-tail:]
