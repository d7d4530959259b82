"""Projects, for the API and the pages alike."""

import time
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from services.gateway.actions import jobs
from services.gateway.studio import Studio
from shared.errors import Conflict, StudioError, invalid_field
from shared.schemas.base import Model
from shared.schemas.experiment import Experiment
from shared.schemas.project import Project
from shared.schemas.split import LeakReport
from shared.taskkit import registry
from shared.taskkit.spec import TaskSpec

_JOINERS = dict.fromkeys((0x200C, 0x200D))
"""Invisible, but part of ordinary words and emoji."""


def printable(value: str) -> str:
    """Return a name as one line of visible text, because names are shown everywhere."""
    cleaned = " ".join(value.split())
    if not cleaned or not cleaned.translate(_JOINERS).isprintable():
        raise ValueError("must have visible characters and no control characters")
    return cleaned


Name = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(printable)]


class NewProject(Model):
    """What a new project is made from."""

    name: Name
    task: str
    description: str = Field(default="", max_length=2000)

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Clothes", "task": registry.task_ids()[0], "description": ""}]}
    )


class ProjectChanges(Model):
    """What may be changed; missing fields stay as they are."""

    name: Name | None = None
    description: str | None = Field(default=None, max_length=2000)

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Garments"}]})


class ProjectCard(Model):
    """A project with what the list of projects shows of it."""

    project: Project
    task_label: str
    task_icon: str
    image_count: int
    class_count: int
    experiment_count: int
    running_jobs: int
    last_activity: datetime
    """When it was changed, or when a job of it began or ended."""
    best_metric: float | None
    best_leaks: LeakReport | None
    """What leaks in the split of the experiment with the best metric, where that is known."""
    metric_label: str
    metric_style: str
    cover_images: list[str]
    """Ids of a few images to show."""


def create(studio: Studio, body: NewProject) -> Project:
    """Store a new project.

    Raises:
        Invalid: there is no such task.
    """
    if body.task not in registry.task_ids():
        known = ", ".join(registry.task_ids())
        raise invalid_field("task", f"{body.task[:40]!r} is not one of {known}", code="unknown_task")
    spec = registry.spec(body.task)
    return studio.workspace.projects.create(body.name, spec.id, body.description)


def cards(studio: Studio) -> list[ProjectCard]:
    """Return all projects with their facts, the one in which something happened last first."""
    found = [card(studio, project) for project in studio.workspace.projects.list()]
    return sorted(found, key=lambda item: item.last_activity, reverse=True)


def card(studio: Studio, project: Project) -> ProjectCard:
    """Return one project with its facts."""
    spec = registry.spec(project.task)
    dataset = studio.workspace.dataset(project.id)
    head = dataset.head() if dataset.exists() else None
    trained = studio.workspace.experiments(project.id).list()
    known = jobs.listed(studio, project_id=project.id)
    best = _best(trained, spec)
    return ProjectCard(
        project=project,
        task_label=spec.label,
        task_icon=spec.icon,
        image_count=head.image_count if head else 0,
        class_count=len(head.classes) if head else 0,
        experiment_count=len(trained),
        running_jobs=sum(not job.status.final for job in known),
        last_activity=max([project.updated_at, *(job.finished_at or job.created_at for job in known)]),
        best_metric=best.summary.best_metric if best else None,
        best_leaks=_leaks(studio, best) if best else None,
        metric_label=spec.primary_metric.label,
        metric_style=spec.primary_metric.style,
        cover_images=[record.id for _, record in zip(range(4), dataset.records(), strict=False)] if head else [],
    )


def _best(trained: list[Experiment], spec: TaskSpec) -> Experiment | None:
    measured = [(item.summary.best_metric, item) for item in trained if item.summary.best_metric is not None]
    if not measured:
        return None
    best = max if spec.primary_metric.higher_is_better else min
    return best(measured, key=lambda pair: pair[0])[1]


def _leaks(studio: Studio, experiment: Experiment) -> LeakReport | None:
    try:
        return studio.workspace.splits(experiment.project_id).get(experiment.configuration.split_id).leaks
    except StudioError:
        return None


def edit(studio: Studio, project_id: str, body: ProjectChanges, revision: int | None = None) -> Project:
    """Rename or describe a project."""
    return studio.workspace.projects.edit(project_id, name=body.name, description=body.description, revision=revision)


def delete(studio: Studio, project_id: str, *, force: bool = False) -> None:
    """Remove a project with all it has.

    Args:
        studio: the studio.
        project_id: which.
        force: cancel its jobs first instead of refusing.

    Raises:
        Conflict: a job of it waits or runs.
    """
    studio.workspace.projects.get(project_id)
    busy = jobs.unfinished(studio, project_id)
    if busy and not force:
        raise Conflict(
            "project_is_busy",
            f"A job of this project is not finished: {busy[0].title}.",
            hint="Cancel it first, or delete with force, which cancels it.",
        )
    for job in busy:
        jobs.cancel_if_unfinished(studio, job.id)
    _wait_until_idle(studio, project_id)
    with jobs.starting:
        if jobs.unfinished(studio, project_id):
            raise Conflict("project_is_busy", "A job of this project was started meanwhile.", hint="Try again.")
        studio.workspace.projects.delete(project_id)
    for job in jobs.listed(studio, project_id=project_id):
        studio.workspace.jobs.delete(job.id)


def _wait_until_idle(studio: Studio, project_id: str) -> None:
    """Wait for cancelled runs to end: files must not be taken from under them."""
    until = time.monotonic() + studio.settings.grace + 5
    while jobs.unfinished(studio, project_id):
        if time.monotonic() > until:
            raise Conflict(
                "project_is_busy",
                "A cancelled job of this project has not ended yet.",
                hint="Try again in half a minute.",
            )
        time.sleep(0.1)
