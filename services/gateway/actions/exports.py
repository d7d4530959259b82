"""Exports: a checkpoint as a file for elsewhere, with its verification."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field

from services.gateway.actions import experiments, jobs, system
from services.gateway.studio import Studio
from shared.errors import Conflict, invalid_field
from shared.schemas.base import Model, new_id
from shared.schemas.experiment import ExperimentStatus
from shared.schemas.export import Export
from shared.schemas.job import Job, JobKind
from shared.taskkit import registry


class NewExport(Model):
    """What to export. The format takes no options yet, so any given is refused."""

    experiment_id: str
    checkpoint: str = "best"
    format: str = "onnx"
    options: dict[str, Any] = Field(default_factory=dict, max_length=0)

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"experiment_id": "experiment-1f3a9c02", "checkpoint": "best", "format": "onnx"}]
        }
    )


@dataclass(frozen=True, slots=True)
class ExportView:
    """An export, its status and what it was made from."""

    export: Export
    status: str
    job: Job | None
    experiment_name: str

    def body(self) -> dict[str, Any]:
        """Return the export as the API shows it."""
        return {
            **self.export.model_dump(mode="json", exclude={"schema_version"}),
            "status": self.status,
            "experiment_name": self.experiment_name,
            **jobs.told(self.job),
        }


def formats() -> list[dict[str, Any]]:
    """Return every format that some task exports to, and whether a worker is there to make it."""
    reason = None if system.has_worker(JobKind.EXPORT) else "No export worker is running."
    found = {choice.value: choice for spec in registry.specs() for choice in spec.export_formats}
    return [
        {
            "id": choice.value,
            "label": choice.label,
            "help": choice.help,
            "available": reason is None,
            "reason": reason,
            "tasks": [spec.id for spec in registry.specs() if choice in spec.export_formats],
        }
        for choice in found.values()
    ]


def listed(studio: Studio, project_id: str) -> list[ExportView]:
    """Return a project's exports, newest first."""
    studio.workspace.projects.get(project_id)
    return [_view(studio, item) for item in studio.workspace.exports(project_id).list()]


def get(studio: Studio, project_id: str, export_id: str) -> ExportView:
    """Return an export or raise `NotFound`."""
    studio.workspace.projects.get(project_id)
    return _view(studio, studio.workspace.exports(project_id).get(export_id))


def start(studio: Studio, project_id: str, body: NewExport, key: str | None = None) -> tuple[Export, Job]:
    """Start an export.

    Raises:
        Conflict: the experiment is not complete.
        Invalid: the format or the checkpoint cannot be used.
    """
    view = experiments.view(studio, project_id, body.experiment_id)
    with jobs.starting:
        earlier = jobs.repeated(studio, JobKind.EXPORT, project_id, key, experiment_id=body.experiment_id)
        if earlier is not None:
            return studio.workspace.exports(project_id).get(earlier.payload["export_id"]), earlier
        _refuse_unless_exportable(studio, project_id, view, body)
        made = {"id": new_id("export"), "project_id": project_id, "job_id": new_id("job")}
        export = studio.workspace.exports(project_id).save(Export.model_validate({**body.model_dump(), **made}))
        payload = {"export_id": export.id, "experiment_id": body.experiment_id}
        title = f"Export {view.experiment.name} as {body.format}"
        job = jobs.start(studio, JobKind.EXPORT, project_id, title, payload, key=key, job_id=export.job_id)
    return export, job


def file(studio: Studio, project_id: str, export_id: str) -> Path:
    """Return the exported file.

    Raises:
        Conflict: the export is not finished.
        NotFound: the file is gone.
    """
    found = get(studio, project_id, export_id)
    if found.export.result is None:
        raise Conflict("export_is_unfinished", f"This export is {found.status}; there is no file to download.")
    return studio.workspace.exports(project_id).file(found.export)


def delete(studio: Studio, project_id: str, export_id: str) -> None:
    """Remove an export; a run of it is cancelled."""
    found = get(studio, project_id, export_id)
    jobs.cancel_if_unfinished(studio, found.export.job_id)
    studio.workspace.exports(project_id).delete(export_id)


def _refuse_unless_exportable(
    studio: Studio, project_id: str, view: experiments.ExperimentView, body: NewExport
) -> None:
    if view.status is not ExperimentStatus.COMPLETED:
        raise Conflict(
            "experiment_is_unfinished",
            f"Only a completed experiment can be exported; this one is {view.status}.",
            hint="Train it to its end, or resume it if it was stopped.",
        )
    spec = registry.spec(studio.workspace.projects.get(project_id).task)
    offered = [choice.value for choice in spec.export_formats]
    if body.format not in offered:
        raise invalid_field("format", f"{body.format[:40]!r} is not one of {', '.join(offered)}")
    known = [info.name for info in view.checkpoints]
    if body.checkpoint not in known:
        raise invalid_field(
            "checkpoint", f"{body.checkpoint[:40]!r} does not exist; there is {' and '.join(known) or 'none'}"
        )


def _view(studio: Studio, item: Export) -> ExportView:
    job = jobs.find(studio, item.job_id)
    name = next(
        (
            other.name
            for other in studio.workspace.experiments(item.project_id).list()
            if other.id == item.experiment_id
        ),
        "(deleted)",
    )
    return ExportView(
        export=item,
        status=jobs.outcome(job),
        job=jobs.with_progress(studio, job) if job else None,
        experiment_name=name,
    )
