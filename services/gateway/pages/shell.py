"""The frame around every page: where one is, how far the project is, what runs."""

import time
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

from services.gateway.actions import jobs
from services.gateway.studio import Studio
from shared.schemas.experiment import ExperimentStatus, experiment_status
from shared.schemas.job import JobKind, JobStatus
from shared.schemas.project import Project

StepKey = Literal["dataset", "split", "training", "evaluation", "export"]
_LABELS: dict[StepKey, str] = {
    "dataset": "Dataset",
    "split": "Split",
    "training": "Training",
    "evaluation": "Evaluation",
    "export": "Export",
}


@dataclass(frozen=True)
class Step:
    """One step of a project's pipeline."""

    key: StepKey
    label: str
    path: str
    done: bool
    current: bool


@dataclass(frozen=True)
class Shell:
    """What the base template shows. `events` is where the page's news come from, from the moment of rendering on."""

    title: str
    project: Project | None
    steps: list[Step]
    running: int
    events: str
    on_jobs_page: bool = False


def shell(
    studio: Studio, title: str, *, project: Project | None = None, step: StepKey | None = None, jobs_page: bool = False
) -> Shell:
    """Return the frame. Call it before anything else is read, so that no news falls between reading and listening."""
    after = int(time.time() * 1000)
    query = {"after": str(after)} if project is None else {"project_id": project.id, "after": str(after)}
    return Shell(
        title=title,
        project=project,
        steps=_steps(studio, project, step) if project else [],
        running=sum(not job.status.final for job in jobs.listed(studio)),
        events=f"/api/events?{urlencode(query)}",
        on_jobs_page=jobs_page,
    )


def bare(title: str) -> Shell:
    """Return a frame that needs no studio: for errors."""
    return Shell(title=title, project=None, steps=[], running=0, events="")


def project_path(project_id: str, step: StepKey) -> str:
    """Return the address of a step of a project."""
    return f"/projects/{project_id}/{step}"


def _steps(studio: Studio, project: Project, current: StepKey | None) -> list[Step]:
    done = _done(studio, project.id)
    return [
        Step(key, label, project_path(project.id, key), done=key in done, current=key == current)
        for key, label in _LABELS.items()
    ]


def _done(studio: Studio, project_id: str) -> set[StepKey]:
    """Return the steps that have a result."""
    workspace = studio.workspace
    done: set[StepKey] = set()
    if workspace.dataset(project_id).exists():
        done.add("dataset")
    if workspace.splits(project_id).list():
        done.add("split")
    experiments = workspace.experiments(project_id).list()
    if any(experiment_status(jobs.find(studio, item.job_id)) is ExperimentStatus.COMPLETED for item in experiments):
        done.add("training")
    ended = [job.kind for job in jobs.listed(studio, project_id=project_id, status=JobStatus.SUCCEEDED)]
    if JobKind.EVALUATION in ended and any(workspace.evaluation(project_id, item.id).find() for item in experiments):
        done.add("evaluation")
    if JobKind.EXPORT in ended and any(item.result for item in workspace.exports(project_id).list()):
        done.add("export")
    return done
