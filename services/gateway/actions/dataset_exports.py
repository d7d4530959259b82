"""Exports of a dataset: an archive with images, annotations and subsets, in a format that others read."""

from pathlib import Path, PurePath
from typing import Any

from pydantic import ConfigDict, Field

from services.gateway.actions import datasets, jobs
from services.gateway.studio import Studio
from shared.errors import Conflict, NotFound, invalid_field
from shared.schemas.base import Model
from shared.schemas.job import Job, JobKind, JobStatus
from shared.store.paths import missing
from shared.store.sources import ARCHIVE
from shared.taskkit import registry


class DatasetExport(Model):
    """What to write. Without a split the subsets are those of the import."""

    format: str = Field(max_length=64)
    split: str | None = Field(default=None, max_length=80)

    model_config = ConfigDict(json_schema_extra={"examples": [{"format": "coco", "split": "80-10-10"}]})


def start(studio: Studio, project_id: str, body: DatasetExport, key: str | None = None) -> Job:
    """Start an export of the dataset as it is now.

    Raises:
        NotFound: there is no dataset, or no such split.
        Invalid: the task has no such format.
    """
    project = studio.workspace.projects.get(project_id)
    head = datasets.head(studio, project_id)
    offered = {choice.value: choice.label for choice in registry.spec(project.task).dataset_formats}
    if body.format not in offered:
        raise invalid_field("format", f"{body.format[:40]!r} is not one of {', '.join(offered)}")
    split = studio.workspace.splits(project_id).named(body.split) if body.split else None
    asked = {"format": body.format, "split_id": split.id if split else None, "revision": head.revision}
    if (earlier := jobs.repeated(studio, JobKind.IMPORT, project_id, key, export=asked)) is not None:
        return earlier
    title = f"Export dataset as {offered[body.format]}"
    with jobs.starting:
        if any(is_export(job) for job in jobs.unfinished(studio, project_id, JobKind.IMPORT)):
            raise Conflict(
                "export_is_running", "The dataset is being exported.", hint="Wait for the export, or cancel it."
            )
        return jobs.start(studio, JobKind.IMPORT, project_id, title, {"export": asked}, key=key)


def listed(studio: Studio, project_id: str) -> list[Job]:
    """Return the exports of a project's dataset, newest first."""
    found = jobs.listed(studio, project_id=project_id, kind=JobKind.IMPORT)
    return [job for job in found if is_export(job)]


def newest(studio: Studio, project_id: str) -> Job | None:
    """Return the newest export while it runs, has failed or can be downloaded."""
    job = next(iter(listed(studio, project_id)), None)
    if job is None or job.status is JobStatus.CANCELLED:
        return None
    ended_well = job.status is JobStatus.SUCCEEDED
    return None if ended_well and not _archive(studio, job).exists() else jobs.with_progress(studio, job)


def file(studio: Studio, project_id: str, job_id: str) -> tuple[Path, str]:
    """Return where an exported archive is and a telling name for it.

    Raises:
        NotFound: there is no such export, it has not ended well, or its archive was removed.
    """
    job = jobs.get(studio, job_id)
    if job.project_id != project_id or not is_export(job):
        raise missing("export", job_id)
    path = _archive(studio, job)
    if job.status is not JobStatus.SUCCEEDED or not path.exists():
        hint = "Archives are kept for a day. Export the dataset again."
        raise NotFound("export_not_ready", "This export has no archive to download.", hint=hint)
    asked: dict[str, Any] = job.payload["export"]
    name = studio.workspace.projects.get(project_id).name
    plain = "".join(char if char.isalnum() and char.isascii() else "-" for char in PurePath(name).name).strip("-")
    return path, f"{plain or 'dataset'}-r{asked['revision']}-{asked['format']}.zip"


def is_export(job: Job) -> bool:
    """Whether a job of the import queue writes a dataset instead of reading one."""
    return "export" in job.payload


def _archive(studio: Studio, job: Job) -> Path:
    return studio.workspace.jobs.folder(job.id) / ARCHIVE
