"""What was uploaded for imports, kept beside their jobs for as long as somebody may need it.

A preview that has ended keeps its archive for the import that follows. It goes when that import has succeeded, when the
preview is discarded or another takes its place, and after a day.
"""

import contextlib
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from shared.schemas.base import utc_now
from shared.schemas.job import Job, JobStatus

KEPT_FOR_S = 24 * 3600.0
ARCHIVE = "dataset.zip"
"""What an export of a dataset leaves beside its job, to be downloaded within a day."""


def tidy(folder: Path, job: Job) -> None:
    """Remove from a final job's folder what was unpacked, and the upload unless an import may follow."""
    age = (utc_now() - (job.finished_at or job.created_at)).total_seconds()
    waits = job.payload.get("preview") and job.status is not JobStatus.CANCELLED and age < KEPT_FOR_S
    if not waits:
        release(folder)
    if age > KEPT_FOR_S:
        (folder / ARCHIVE).unlink(missing_ok=True)
    shutil.rmtree(folder / "unpacked", ignore_errors=True)


def release(folder: Path) -> None:
    """Remove an upload. What cannot be removed stays."""
    with contextlib.suppress(OSError):
        for path in folder.glob("upload*"):
            path.unlink(missing_ok=True)


def used_preview(job: Job) -> str | None:
    """Return the preview whose upload a job has used up."""
    preview = job.payload.get("preview_job_id")
    return str(preview) if preview and job.status is JobStatus.SUCCEEDED else None


def remove_abandoned(folders: Iterable[Path], *, older_than_s: float) -> None:
    """Remove folders of jobs that were never written down: their upload was cut off."""
    limit = time.time() - older_than_s
    for folder in folders:
        with contextlib.suppress(OSError):
            if not (folder / "job.json").exists() and folder.stat().st_mtime < limit:
                shutil.rmtree(folder, ignore_errors=True)
