"""The source of an import: its files, and what a reader makes of them."""

import dataclasses
import hashlib
import itertools
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from services.importer import shapes
from services.importer.files import list_files, printable, unpack
from shared.bus.run import Run
from shared.errors import Conflict, Invalid
from shared.schemas.dataset import Problem
from shared.schemas.read_options import ReadOptions
from shared.taskkit import registry
from shared.taskkit.formats.detect import choose_format, reader
from shared.taskkit.formats.rows import Reading

MAX_IMAGE_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Source:
    """What was read. `files` are relative to `root`, and `fingerprint` changes when any of them does."""

    root: Path
    files: Sequence[Path]
    format: str
    options: ReadOptions
    reading: Reading
    fingerprint: str


def read_source(run: Run) -> Source:
    """Unpack the source where it is an archive, list its files and read them.

    Raises:
        Invalid: it is gone, cannot be unpacked, or its layout is not one of the task's.
        Conflict: it is not what the preview saw.
    """
    run.progress("reading", 0, None, message="Reading the source")
    path = Path(run.payload["source"]["path"])
    if not path.exists():
        raise Invalid("source_is_gone", "The folder or archive to import is gone.", hint="Start the import again.")
    root, problems = path, list[Problem]()
    if not path.is_dir():
        root = run.workspace.jobs.folder(run.job.id) / "unpacked"
        shutil.rmtree(root, ignore_errors=True)
        problems = unpack(path, root, _counting(run, "Unpacking the archive"))
    files, left_out = list_files(root, run.check)
    problems += left_out
    run.progress("reading", len(files), None, unit="files", message="Reading the label files")
    fingerprint = _fingerprint(path, files)
    if fingerprint != run.payload.get("fingerprint", fingerprint):
        raise Conflict(
            "source_changed",
            "The source has changed since the preview; nothing was imported.",
            hint="Preview it again.",
        )
    spec = registry.spec(run.workspace.projects.get(run.payload["project_id"]).task)
    options = ReadOptions.model_validate(run.payload.get("read") or {})
    format_id = choose_format(spec, run.payload["format"], root, files)
    reading = _as_text(reader(format_id).read(root, list(files), options))
    reading.problems[:0] = [*problems, *shapes.lost(reading.rows, spec.annotation_kind)]
    return Source(root, files, format_id, options, reading, fingerprint)


def _counting(run: Run, message: str) -> Callable[[], None]:
    """Return a check that also counts how often it is called, once a file."""
    done = itertools.count(1)

    def check() -> None:
        run.check()
        run.progress("unpacking", next(done), None, unit="files", message=message)

    return check


def _fingerprint(path: Path, files: Sequence[Path]) -> str:
    """Return a digest of names, sizes and times of the files of a folder, or of an archive's size and time."""
    digest = hashlib.sha256()
    for file in files if path.is_dir() else [Path()]:
        with suppress(FileNotFoundError):
            status = (path / file).stat()
            digest.update(f"{printable(str(file))}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


def _as_text(reading: Reading) -> Reading:
    """Return what was read with names that can be stored; the paths of files stay as the disk has them."""
    rows = [
        dataclasses.replace(
            row,
            labels=tuple(printable(label) for label in row.labels),
            objects=tuple(dataclasses.replace(item, label=printable(item.label)) for item in row.objects),
        )
        for row in reading.rows
    ]
    problems = [item.model_copy(update={"file": item.file and printable(item.file)}) for item in reading.problems]
    names = tuple(printable(name) for name in reading.class_names)
    return Reading(rows, problems, names, reading.targets, reading.mask_values)
