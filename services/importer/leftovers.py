"""Images of imports that were killed: no revision names them, and nobody was left to remove them.

While an import stores images, `importing.json` of the dataset names its job. Where it is found and its job has ended,
what was written since is looked through.
"""

import json
import os
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

from shared.errors import NotFound
from shared.schemas.job import Job
from shared.store.datasets import DatasetStore
from shared.store.files import locked, write_bytes
from shared.store.workspace import Workspace


def begin(workspace: Workspace, dataset: DatasetStore, job: Job) -> None:
    """Clear what a killed import left, and mark that `job` stores images now."""
    marker = _marker(dataset)
    with locked(marker):
        _clear(workspace, dataset)
        if _named(marker) is None:
            write_bytes(marker, json.dumps({"job_id": job.id}).encode())


def sweep(workspace: Workspace) -> None:
    """Clear what killed imports left in any dataset, for those that nobody imports into again."""
    for project in workspace.projects.list():
        dataset = workspace.dataset(project.id)
        if _marker(dataset).exists():
            with locked(_marker(dataset)):
                _clear(workspace, dataset)


def _clear(workspace: Workspace, dataset: DatasetStore) -> None:
    """Remove what the import that the marker names left, if it has ended, and the marker."""
    marker = _marker(dataset)
    earlier = _named(marker)
    if earlier is None or not _has_ended(workspace, earlier):
        return
    _drop_unpublished(dataset)
    if not is_published(dataset, earlier):
        dataset.imports.remove(earlier)
    dataset.remove_unused(_written_since(dataset.folder, marker.stat().st_mtime), lambda: True)
    end(dataset)


def is_published(dataset: DatasetStore, job_id: str) -> bool:
    """Whether the newest revision of the dataset by an import is this job's."""
    last = dataset.head().last_import if dataset.exists() else None
    return last is not None and last.job_id == job_id


def end(dataset: DatasetStore) -> None:
    """Say that nothing was left."""
    _marker(dataset).unlink(missing_ok=True)


def _drop_unpublished(dataset: DatasetStore) -> None:
    """Remove manifests that the head does not know: the kill came before it was written."""
    with locked(dataset.folder):
        newest = dataset.head().revision if dataset.exists() else 0
        for path in dataset.folder.glob("revisions/[0-9]*.json"):
            if int(path.stem) > newest:
                path.unlink(missing_ok=True)


def _marker(dataset: DatasetStore) -> Path:
    return dataset.folder / "importing.json"


def _named(marker: Path) -> str | None:
    try:
        return str(json.loads(marker.read_bytes())["job_id"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _has_ended(workspace: Workspace, job_id: str) -> bool:
    try:
        return workspace.jobs.get(job_id).status.final
    except NotFound:
        return True


def _written_since(folder: Path, moment: float) -> dict[str, list[Path]]:
    """Return image files and thumbnails that are not older than `moment`, by image id."""
    found: dict[str, list[Path]] = defaultdict(list)
    for kind in ("images", "thumbs"):
        with suppress(FileNotFoundError):
            for shelf in os.scandir(folder / kind):
                for item in os.scandir(shelf.path):
                    if item.stat().st_mtime >= moment - 1:
                        found[item.name.partition(".")[0]].append(Path(item.path))
    return found
