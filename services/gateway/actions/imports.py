"""Starting imports: what can be refused is refused before the images are looked at."""

import shutil
import stat
from pathlib import Path
from typing import IO, Literal

from pydantic import ConfigDict, Field

from services.gateway.actions import jobs
from services.gateway.studio import Studio
from shared.errors import Conflict, Forbidden, TooLarge, invalid_field
from shared.schemas.base import Model, new_id
from shared.schemas.job import Job, JobKind
from shared.store.files import disk_errors
from shared.taskkit import registry

_FORM_BYTES = 64 * 1024
"""What the other fields and the boundaries of a form may take."""
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")


class ImportOptions(Model):
    """How to import. `append` keeps what is there; `replace` puts the new images in its place."""

    mode: Literal["append", "replace"] = "append"


class ImportLocal(Model):
    """An import from a folder or an archive on the server."""

    path: str = Field(min_length=1, max_length=4096)
    format: str = Field(default="auto", max_length=64)
    options: ImportOptions = Field(default_factory=ImportOptions)

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"path": "/data/clothes", "format": "auto", "options": {"mode": "append"}}]}
    )


def import_local(studio: Studio, project_id: str, body: ImportLocal, key: str | None = None) -> Job:
    """Start an import from the server's disk.

    Raises:
        Invalid: the path does not exist or cannot be read.
        Forbidden: it is outside of the allowed roots.
    """
    if (earlier := _earlier(studio, project_id, body.format, body.options, key)) is not None:
        return earlier
    source = _checked_source(studio, body.path)
    return _start(studio, project_id, {"path": str(source)}, body.format, body.options, key, new_id("job"))


def refuse_upload(studio: Studio, project_id: str, announced: int) -> None:
    """Raise what can be known before an upload of `announced` bytes comes in.

    Raises:
        NotFound: there is no such project.
        TooLarge: more bytes than the settings allow.
    """
    studio.workspace.projects.get(project_id)
    limit = studio.settings.max_upload
    if announced > limit + _FORM_BYTES:
        raise TooLarge("upload_too_large", f"The archive is larger than the {limit:,} bytes that are allowed.")


def import_upload(
    studio: Studio,
    project_id: str,
    file: IO[bytes],
    filename: str,
    format_id: str,
    options: ImportOptions,
    key: str | None = None,
) -> Job:
    """Start an import from an uploaded archive.

    Raises:
        Invalid: the file's name does not end like an archive's.
        TooLarge: more bytes than the settings allow.
    """
    suffix = next((item for item in ARCHIVES if filename.lower().endswith(item)), None)
    if suffix is None:
        raise invalid_field("file", f"must be an archive that ends in one of {', '.join(ARCHIVES)}")
    if (earlier := _earlier(studio, project_id, format_id, options, key)) is not None:
        return earlier
    job_id = new_id("job")
    target = studio.workspace.jobs.folder(job_id) / f"upload{suffix}"
    _receive(file, target, studio.settings.max_upload)
    source = {"path": str(target), "name": Path(filename).name[:200]}
    try:
        return _start(studio, project_id, source, format_id, options, key, job_id)
    except BaseException:
        studio.workspace.jobs.delete(job_id)
        raise


def _earlier(studio: Studio, project_id: str, format_id: str, options: ImportOptions, key: str | None) -> Job | None:
    """Return the job an earlier call with the key started; refuse what can be refused before any byte is read."""
    spec = registry.spec(studio.workspace.projects.get(project_id).task)
    offered = ["auto", *(choice.value for choice in spec.import_formats)]
    if format_id not in offered:
        raise invalid_field("format", f"{format_id[:40]!r} is not one of {', '.join(offered)}")
    if (earlier := jobs.repeated(studio, JobKind.IMPORT, project_id, key, **_asked(format_id, options))) is None:
        _refuse_while_importing(studio, project_id)
    return earlier


def _start(
    studio: Studio,
    project_id: str,
    source: dict[str, str],
    format_id: str,
    options: ImportOptions,
    key: str | None,
    job_id: str,
) -> Job:
    payload = {"source": source, **_asked(format_id, options)}
    title = f"Import {source.get('name') or Path(source['path']).name}"
    with jobs.starting:
        _refuse_while_importing(studio, project_id)
        return jobs.start(studio, JobKind.IMPORT, project_id, title, payload, key=key, job_id=job_id)


def _asked(format_id: str, options: ImportOptions) -> dict[str, str]:
    return {"format": format_id, "mode": options.mode}


def _refuse_while_importing(studio: Studio, project_id: str) -> None:
    if jobs.unfinished(studio, project_id, JobKind.IMPORT):
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


def _receive(file: IO[bytes], target: Path, limit: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with disk_errors(), target.open("wb") as out:
            shutil.copyfileobj(file, out, 1024 * 1024)
        if target.stat().st_size > limit:
            raise TooLarge("upload_too_large", f"The archive is larger than the {limit:,} bytes that are allowed.")
    except BaseException:
        shutil.rmtree(target.parent, ignore_errors=True)
        raise
