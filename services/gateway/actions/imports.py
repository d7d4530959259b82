"""Starting imports: what can be refused is refused before the images are looked at."""

import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import ConfigDict, Field

from services.gateway.actions import jobs, previews
from services.gateway.studio import Studio
from shared.errors import Conflict, FieldError, Forbidden, Invalid, TooLarge, invalid_field
from shared.schemas.base import Model, new_id
from shared.schemas.import_plan import ImportPlan, PreviewReport
from shared.schemas.job import Job, JobKind
from shared.schemas.read_options import ReadOptions
from shared.taskkit import registry

FORM_BYTES = 64 * 1024
"""What the other fields and the boundaries of a form may take."""
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


class ImportOptions(Model):
    """How to import. `append` keeps what is there; `replace` puts the new images in its place."""

    mode: Literal["append", "replace"] = "append"
    read: ReadOptions = Field(default_factory=ReadOptions)
    """How the files are meant, where that would have to be guessed."""


class ImportUpload(Model):
    """How an archive is imported."""

    format: str = Field(default="auto", max_length=64)
    options: ImportOptions = Field(default_factory=ImportOptions)

    model_config = ConfigDict(json_schema_extra={"examples": [{"format": "auto", "options": {"mode": "append"}}]})


class ImportLocal(ImportUpload):
    """An import from a folder or an archive on the server."""

    path: str = Field(min_length=1, max_length=4096)

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"path": "/data/clothes", "format": "auto", "options": {"mode": "append"}}]}
    )


class ImportPlanned(Model):
    """An import of what a preview has seen, with exactly this plan."""

    preview_job_id: str = Field(max_length=64)
    plan: ImportPlan

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"preview_job_id": "job-1f3a9c02", "plan": {"format": "coco", "class_map": {"Dog": "dog", "bin": None}}}
            ]
        }
    )


@dataclass(frozen=True, slots=True)
class Start:
    """How a call wants to begin: for real or as a preview, with an idempotency key or without."""

    preview: bool = False
    key: str | None = None


def import_local(studio: Studio, project_id: str, body: ImportLocal, start: Start) -> Job:
    """Start an import from the server's disk, or a preview of it.

    Raises:
        Invalid: the path does not exist or cannot be read.
        Forbidden: it is outside of the allowed roots.
    """
    asked = _asked(studio, project_id, body, start.preview)
    if (earlier := _earlier(studio, project_id, asked, start.key)) is not None:
        return earlier
    source = _checked_source(studio, body.path)
    return begin(studio, project_id, {"source": {"path": str(source)}, **asked}, start.key, new_id("job"))


def refuse_upload(studio: Studio, project_id: str, announced: int) -> None:
    """Raise what can be known before an upload of `announced` bytes comes in.

    Raises:
        NotFound: there is no such project.
        TooLarge: more bytes than the settings allow.
    """
    studio.workspace.projects.get(project_id)
    limit = studio.settings.max_upload
    if announced > limit + FORM_BYTES:
        raise TooLarge("upload_too_large", f"The archive is larger than the {limit:,} bytes that are allowed.")


def import_upload(studio: Studio, project_id: str, file: Path, filename: str, body: ImportUpload, start: Start) -> Job:
    """Start an import from an uploaded archive, or a preview of it; `file` is moved to where the job finds it.

    Raises:
        Invalid: the file's name does not end like an archive's.
    """
    suffix = next((item for item in ARCHIVES if filename.lower().endswith(item)), None)
    if suffix is None:
        raise invalid_field("file", f"must be an archive that ends in one of {', '.join(ARCHIVES)}")
    asked = _asked(studio, project_id, body, start.preview)
    if (earlier := _earlier(studio, project_id, asked, start.key)) is not None:
        return earlier
    job_id = new_id("job")
    target = studio.workspace.jobs.folder(job_id) / f"upload{suffix}"
    source = {"path": str(target), "name": PurePosixPath(filename.replace("\\", "/")).name[:200]}
    try:
        target.parent.mkdir(parents=True)
        file.replace(target)
        return begin(studio, project_id, {"source": source, **asked}, start.key, job_id)
    except BaseException:
        studio.workspace.jobs.delete(job_id)
        raise


def import_planned(studio: Studio, project_id: str, body: ImportPlanned, key: str | None = None) -> Job:
    """Start an import of what a preview has seen.

    Raises:
        NotFound: the project has no such preview.
        Conflict: the preview has not ended well, or its archive is gone.
        Invalid: the plan leaves the format open, or names a class or a problem that the preview has not seen, or a mend
            that is none for it.
    """
    preview = previews.get(studio, project_id, body.preview_job_id)
    _check_format(studio, project_id, "plan.format", body.plan.format)
    asked = {
        "format": body.plan.format,
        "read": body.plan.read.model_dump(mode="json"),
        "mode": preview.payload["mode"],
        "preview": False,
        "preview_job_id": preview.id,
        "plan": body.plan.model_dump(mode="json"),
    }
    if (earlier := _earlier(studio, project_id, asked, key)) is not None:
        return earlier
    report = previews.report(studio, project_id, preview.id)
    _check_plan(body.plan, report)
    previews.check_source(preview)
    payload = {"source": preview.payload["source"], "fingerprint": report.fingerprint, **asked}
    return begin(studio, project_id, payload, key, new_id("job"))


def _check_plan(plan: ImportPlan, report: PreviewReport) -> None:
    """Refuse what would silently do nothing; files that are read in another way than previewed may hold anything."""
    if (plan.format, plan.read) != (report.plan.format, report.plan.read):
        return
    possible = {kind.code: kind.actions for kind in report.kinds}
    classes = {item.name for item in report.classes}
    errors = [
        FieldError(f"plan.mends.{code}", f"is not one of {', '.join(possible.get(code, [])) or 'the problems found'}")
        for code, action in plan.mends.items()
        if action not in possible.get(code, [])
    ]
    errors += [
        FieldError(f"plan.class_map.{name}", "is no class of these files")
        for name in plan.class_map
        if name not in classes
    ]
    if errors:
        raise Invalid("invalid_plan", "The plan does not fit what the preview has seen.", errors=errors)


def preview_again(studio: Studio, project_id: str, job_id: str, body: ImportUpload, key: str | None = None) -> Job:
    """Preview the source of an earlier preview again, read in another way; the new preview takes its archive over.

    Raises:
        NotFound: the project has no such preview.
        Conflict: it still runs, or its archive is gone.
    """
    earlier = previews.get(studio, project_id, job_id)
    asked = _asked(studio, project_id, body, True)
    if (repeated := _earlier(studio, project_id, asked, key)) is not None:
        return repeated
    previews.check_source(earlier)
    new, source = new_id("job"), dict(earlier.payload["source"])
    path, folder = Path(source["path"]), studio.workspace.jobs.folder(new)
    if path.parent == studio.workspace.jobs.folder(earlier.id):
        folder.mkdir(parents=True)
        source["path"] = str(path.replace(folder / path.name))
    return begin(studio, project_id, {"source": source, **asked}, key, new)


def begin(studio: Studio, project_id: str, payload: dict[str, Any], key: str | None, job_id: str) -> Job:
    """Store and announce an import or a preview; a preview that waits for its import is replaced."""
    source = payload["source"]
    name = source.get("name") or Path(source["path"]).name
    title = f"Preview {name}" if payload["preview"] else f"Import {name}"
    with jobs.starting:
        _refuse_while_importing(studio, project_id)
        job = jobs.start(studio, JobKind.IMPORT, project_id, title, payload, key=key, job_id=job_id)
    previews.release_others(studio, job)
    return job


def _asked(studio: Studio, project_id: str, body: ImportUpload, preview: bool) -> dict[str, Any]:
    _check_format(studio, project_id, "format", body.format, "auto")
    read = body.options.read.model_dump(mode="json")
    return {"format": body.format, "read": read, "mode": body.options.mode, "preview": preview}


def _check_format(studio: Studio, project_id: str, field: str, format_id: str, *also: str) -> None:
    spec = registry.spec(studio.workspace.projects.get(project_id).task)
    offered = [*also, *(choice.value for choice in spec.import_formats)]
    if format_id not in offered:
        raise invalid_field(field, f"{format_id[:40]!r} is not one of {', '.join(offered)}")


def _earlier(studio: Studio, project_id: str, asked: dict[str, Any], key: str | None) -> Job | None:
    """Return the job an earlier call with the key started; else refuse what must wait."""
    if (earlier := jobs.repeated(studio, JobKind.IMPORT, project_id, key, **asked)) is None:
        _refuse_while_importing(studio, project_id)
    return earlier


def _refuse_while_importing(studio: Studio, project_id: str) -> None:
    if any("source" in job.payload for job in jobs.unfinished(studio, project_id, JobKind.IMPORT)):
        raise Conflict(
            "import_is_running", "An import into this project is running.", hint="Wait for it, or cancel it."
        )


def _checked_source(studio: Studio, given: str) -> Path:
    if not given.startswith(("/", "~")):
        hint = "Start it with a slash, as the server sees it, such as /data/photos."
        raise invalid_field("path", f"{given[:300]} is not an absolute path", code="path_not_absolute", hint=hint)
    roots = [root.expanduser().resolve() for root in studio.settings.import_roots]
    try:
        path = Path(given).expanduser().resolve()
        if not any(path.is_relative_to(root) for root in roots):
            allowed = ", ".join(str(root) for root in roots)
            raise Forbidden("path_not_allowed", f"Imports are allowed from: {allowed}.")
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise invalid_field("path", f"{given[:300]} does not exist on the server", code="path_not_found") from None
    except (OSError, ValueError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise invalid_field("path", f"cannot be read: {why}", code="path_not_readable") from None
    own = studio.workspace.root.resolve()
    if path.is_relative_to(own) or own.is_relative_to(path):
        raise invalid_field("path", "is, or holds, the studio's own workspace", code="path_not_allowed")
    if stat.S_ISDIR(mode):
        if not any(path.iterdir()):
            raise invalid_field("path", f"{path} is empty", code="folder_is_empty")
    elif not (stat.S_ISREG(mode) and path.name.lower().endswith(ARCHIVES)):
        raise invalid_field("path", f"is neither a folder nor an archive ({', '.join(ARCHIVES)})")
    return path
