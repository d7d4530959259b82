"""Datasets: what is there, and getting more in."""

import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from pydantic import ConfigDict, Field

from services.gateway.actions import jobs
from services.gateway.studio import Studio
from shared.errors import Conflict, Forbidden, NotFound, TooLarge, invalid_field
from shared.schemas.base import Model, Subset, new_id
from shared.schemas.dataset import ClassInfo, DatasetHead, ImageRecord
from shared.schemas.job import Job, JobKind
from shared.store.datasets import DatasetStore
from shared.store.files import disk_errors
from shared.store.index import ImageQuery, SortKey
from shared.taskkit import images as pictures
from shared.taskkit import registry
from shared.taskkit.shapes import Shape

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


@dataclass(frozen=True, slots=True)
class Filters:
    """What a person asks of the image list. Names, not ids; None means any."""

    class_name: str | None = None
    label_state: Literal["labelled", "unlabelled"] | None = None
    split: str | None = None
    subset: Literal["train", "val", "test", "unassigned"] | None = None
    search: str | None = None
    sort_by: SortKey = "filename"
    sort_order: Literal["asc", "desc"] = "asc"


@dataclass(frozen=True, slots=True)
class ImageDetail:
    """One image with its surroundings. `splits` maps split names to subsets."""

    record: ImageRecord
    splits: Mapping[str, Subset | Literal["unassigned"]]
    previous: str | None
    next: str | None
    shapes: list[Shape]


def store(studio: Studio, project_id: str) -> DatasetStore:
    """Return the dataset store of a project that exists."""
    studio.workspace.projects.get(project_id)
    return studio.workspace.dataset(project_id)


def head(studio: Studio, project_id: str) -> DatasetHead:
    """Return the summary of a dataset or raise `NotFound`."""
    return store(studio, project_id).head()


def find_head(studio: Studio, project_id: str) -> DatasetHead | None:
    """Return the summary of a dataset, or None before the first import."""
    found = store(studio, project_id)
    return found.head() if found.exists() else None


def summary(found: DatasetHead) -> dict[str, Any]:
    """Return a dataset as the API shows it: counts of classes joined with their names and colours."""
    body = found.model_dump(mode="json", exclude={"chunks", "classes", "schema_version"})
    counts = found.statistics.class_counts
    body["classes"] = [{**item.model_dump(), "count": counts.get(item.id, 0)} for item in found.classes]
    return body


def import_local(studio: Studio, project_id: str, body: ImportLocal, key: str | None = None) -> Job:
    """Start an import from the server's disk.

    Raises:
        Invalid: the path does not exist or cannot be read.
        Forbidden: it is outside of the allowed roots.
    """
    source = _checked_source(studio, body.path)
    return _start(studio, project_id, {"path": str(source)}, body.format, body.options, key)


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
    _refuse_while_importing(studio, project_id, key)
    if (earlier := jobs.repeated(studio, JobKind.IMPORT, project_id, key)) is not None:
        return earlier
    job_id = new_id("job")
    target = studio.workspace.jobs.folder(job_id) / f"upload{suffix}"
    _receive(file, target, studio.settings.max_upload)
    source = {"path": str(target), "name": Path(filename).name[:200]}
    return _start(studio, project_id, source, format_id, options, key, job_id)


def query(studio: Studio, project_id: str, filters: Filters) -> ImageQuery:
    """Return filters as a query of the index.

    Raises:
        NotFound: the class or the split does not exist.
    """
    split = studio.workspace.splits(project_id).named(filters.split) if filters.split else None
    return ImageQuery(
        class_id=_class_id(head(studio, project_id), filters.class_name),
        labelled=None if filters.label_state is None else filters.label_state == "labelled",
        split=split,
        subset=filters.subset,
        search=filters.search,
        sort_by=filters.sort_by,
        descending=filters.sort_order == "desc",
    )


def page(studio: Studio, project_id: str, filters: Filters, number: int, size: int) -> tuple[int, list[bytes]]:
    """Return the count of matching images and the stored JSON of one page of them."""
    index = store(studio, project_id).index()
    return index.page(query(studio, project_id, filters), number, size)


def records(studio: Studio, project_id: str, filters: Filters, number: int, size: int) -> tuple[int, list[ImageRecord]]:
    """Return the count of matching images and one page of them."""
    total, lines = page(studio, project_id, filters, number, size)
    return total, [ImageRecord.model_validate_json(line) for line in lines]


def record(studio: Studio, project_id: str, image_id: str) -> ImageRecord:
    """Return one image's record or raise `NotFound`."""
    return ImageRecord.model_validate_json(store(studio, project_id).index().record(image_id))


def image(studio: Studio, project_id: str, image_id: str, filters: Filters) -> ImageDetail:
    """Return one image with its neighbours in a query."""
    found = record(studio, project_id, image_id)
    index = store(studio, project_id).index()
    before, after = index.neighbours(query(studio, project_id, filters), image_id)
    splits = studio.workspace.splits(project_id).list()
    return ImageDetail(
        record=found,
        splits={split.name: split.subset_of(image_id) or "unassigned" for split in splits},
        previous=before,
        next=after,
        shapes=shapes(studio, project_id, found),
    )


def shapes(studio: Studio, project_id: str, found: ImageRecord) -> list[Shape]:
    """Return what the annotations of an image look like."""
    project = studio.workspace.projects.get(project_id)
    overlay = registry.part(project.task, "overlay")
    drawn: list[Shape] = overlay.truth_shapes(found.annotations, classes(studio, project_id)) if overlay else []
    return drawn


def classes(studio: Studio, project_id: str) -> list[ClassInfo]:
    """Return the classes of the newest revision."""
    return head(studio, project_id).classes


def image_file(studio: Studio, project_id: str, image_id: str) -> tuple[ImageRecord, Path]:
    """Return an image's record and where its bytes are."""
    found = record(studio, project_id, image_id)
    path = store(studio, project_id).image_path(found)
    if not path.exists():
        raise NotFound("image_file_missing", f"The file of image {image_id} is gone from the workspace.")
    return found, path


def thumbnail(studio: Studio, project_id: str, image_id: str) -> bytes:
    """Return an image's thumbnail as JPEG; made on the fly where the stored one is gone."""
    try:
        return store(studio, project_id).thumbnail_path(image_id).read_bytes()
    except FileNotFoundError:
        return pictures.thumbnail(image_file(studio, project_id, image_id)[1].read_bytes())


def delete(studio: Studio, project_id: str) -> None:
    """Remove the dataset and its history.

    Raises:
        Conflict: a job of the project waits or runs.
    """
    found = store(studio, project_id)
    found.head()
    if busy := jobs.unfinished(studio, project_id):
        raise Conflict("dataset_is_in_use", f"A job uses this dataset: {busy[0].title}.", hint="Cancel it first.")
    found.delete()


def _start(
    studio: Studio,
    project_id: str,
    source: dict[str, str],
    format_id: str,
    options: ImportOptions,
    key: str | None,
    job_id: str | None = None,
) -> Job:
    project = studio.workspace.projects.get(project_id)
    offered = ["auto", *(choice.value for choice in registry.spec(project.task).import_formats)]
    if format_id not in offered:
        raise invalid_field("format", f"{format_id[:40]!r} is not one of {', '.join(offered)}")
    if (earlier := jobs.repeated(studio, JobKind.IMPORT, project_id, key)) is not None:
        return earlier
    payload = {"source": source, "format": format_id, "mode": options.mode}
    title = f"Import {source.get('name') or Path(source['path']).name}"
    with jobs.starting:
        _refuse_while_importing(studio, project_id, key)
        return jobs.start(studio, JobKind.IMPORT, project_id, title, payload, key=key, job_id=job_id)


def _refuse_while_importing(studio: Studio, project_id: str, key: str | None) -> None:
    studio.workspace.projects.get(project_id)
    for job in jobs.unfinished(studio, project_id, JobKind.IMPORT):
        if key is None or job.idempotency_key != key:
            raise Conflict(
                "import_is_running", "An import into this project is running.", hint="Wait for it, or cancel it."
            )


def _checked_source(studio: Studio, given: str) -> Path:
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
    if path.is_relative_to(studio.workspace.root) or studio.workspace.root.is_relative_to(path):
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


def _class_id(found: DatasetHead, name: str | None) -> int | None:
    if name is None:
        return None
    for item in found.classes:
        if item.name == name:
            return item.id
    raise NotFound("class_not_found", f"The dataset has no class {name[:60]!r}.")
