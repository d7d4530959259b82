"""An import, from files to a new revision of the dataset. Nothing of it is seen before it is whole."""

import dataclasses
import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from services.importer.files import list_files, printable, unpack
from services.importer.records import ImageStorer, Stored
from shared.bus.run import Run, main
from shared.errors import Invalid, StudioError
from shared.schemas.dataset import ClassInfo, ImageRecord, ImportReport, Legend, Problem, TargetInfo
from shared.schemas.job import JobStatus
from shared.store.datasets import DatasetStore
from shared.store.files import write_bytes
from shared.taskkit import registry
from shared.taskkit.formats.detect import choose_format, reader
from shared.taskkit.formats.rows import Reading, Row
from shared.taskkit.palette import class_color

_MAX_IMAGE_BYTES = 2 * 1024**3
_SHOWN_PROBLEMS = 500
"""The dataset's head is read with every page, so it carries no more than these; all are in a file of the job."""


def work(run: Run) -> dict[str, Any]:
    """Read the source, store its images, publish a revision; return what was done."""
    project = run.workspace.projects.get(run.payload["project_id"])
    dataset = run.workspace.dataset(project.id)
    unpacked = run.workspace.jobs.folder(run.job.id) / "unpacked"
    root, problems = _source(run, Path(run.payload["source"]["path"]), unpacked)
    files = list_files(root, run.check)
    spec = registry.spec(project.task)
    format_id = choose_format(spec, run.payload["format"], root, files)
    reading = _as_text(reader(format_id).read(root, files))
    reading.problems[:0] = problems
    return _Import(run, dataset, project.task, format_id).store(root, reading)


class _Import:
    """The state of one import while it goes on."""

    def __init__(self, run: Run, dataset: DatasetStore, task: str, format_id: str) -> None:
        self._run = run
        self._dataset = dataset
        self._task = registry.part(task, "importing")
        self._format = format_id
        self._replace = run.payload["mode"] == "replace"
        self._present = dataset.index().ids() if dataset.exists() and not self._replace else set[str]()
        self._duplicates = 0

    def store(self, root: Path, reading: Reading) -> dict[str, Any]:
        """Store the rows' images and publish them, or leave everything as it was."""
        legend = Legend(classes=self._classes(reading), targets=self._targets(reading))
        class_ids = {item.name: item.id for item in legend.classes}
        stored: dict[str, Stored] = {}
        storer = ImageStorer(self._dataset, root, self._run.settings.max_image_pixels, _MAX_IMAGE_BYTES)
        try:
            done = 0
            self._run.progress("images", 0, len(reading.rows), unit="images")
            for batch in storer.store(reading.rows):
                self._run.check()
                for item in batch:
                    if isinstance(item, Problem):
                        reading.problems.append(item)
                    else:
                        self._take(item, stored, reading.problems)
                done += len(batch)
                self._run.progress("images", done, len(reading.rows), unit="images")
            records = [self._annotated(item, class_ids, reading.problems) for item in stored.values()]
            return self._publish(records, legend, reading)
        except BaseException:
            self._remove_leftovers(storer)
            raise

    def _remove_leftovers(self, storer: ImageStorer) -> None:
        """Remove what no revision names, unless the job was given to another run, which builds on these files."""

        def is_still_mine() -> bool:
            job = self._run.workspace.jobs.get(self._run.job.id)
            return job.epoch == self._run.job.epoch and job.status is not JobStatus.QUEUED

        try:
            self._dataset.remove_unused(storer.written, is_still_mine)
        except (StudioError, OSError):
            logging.warning("images that no revision names may be left in the workspace", exc_info=True)

    def _take(self, item: Stored, stored: dict[str, Stored], problems: list[Problem]) -> None:
        """Keep an image unless its content is known already."""
        earlier = stored.get(item.record.id)
        if earlier is None and item.record.id not in self._present:
            stored[item.record.id] = item
            return
        self._duplicates += 1
        twin = earlier.record.source if earlier else "an image of the dataset"
        message = f"The same picture as {twin}; left out."
        if earlier and _said(earlier.row) != _said(item.row):
            message = f"The same picture as {twin}, but annotated differently; the first one counts."
        problems.append(Problem(severity="warning", code="duplicate_image", file=item.record.source, message=message))

    def _publish(self, records: Sequence[ImageRecord], legend: Legend, reading: Reading) -> dict[str, Any]:
        if not records and not self._present:
            first = next((item for item in reading.problems if item.severity == "error"), None)
            why = f" The first problem: {first.file}: {first.message}" if first else ""
            raise Invalid("nothing_to_import", f"None of the images could be read.{why}")
        self._run.progress("index", 0, 1, message="Writing the revision")
        report = ImportReport(
            job_id=self._run.job.id,
            format=self._format,
            mode=self._run.payload["mode"],
            source=self._run.payload["source"].get("name") or self._run.payload["source"]["path"],
            added=len(records),
            duplicates=self._duplicates,
            skipped=sum(item.severity == "error" for item in reading.problems),
            problems=sorted(reading.problems, key=lambda item: item.severity)[:_SHOWN_PROBLEMS],
            problem_count=len(reading.problems),
        )
        self._run.fence()
        lines = [item.model_dump_json(exclude_none=True) + "\n" for item in reading.problems]
        write_bytes(self._run.workspace.jobs.folder(self._run.job.id) / "problems.jsonl", "".join(lines).encode())
        head = self._dataset.commit(
            records, legend, reason=f"import of {report.source}", report=report, replace=self._replace
        )
        return {
            "revision": head.revision,
            "added": report.added,
            "duplicates": report.duplicates,
            "skipped": report.skipped,
            "problems": report.problem_count,
            "classes": len(legend.classes),
        }

    def _annotated(self, item: Stored, class_ids: Mapping[str, int], problems: list[Problem]) -> ImageRecord:
        """Return the record with what the task makes of its row; what it cannot use goes to the problems."""
        if self._task is None:
            return item.record
        if (problem := _other_size(item)) is not None:
            problems.append(problem)
        annotations, faults = self._task.annotations(item.row, class_ids, item.record.width, item.record.height)
        problems.extend(faults)
        return item.record.model_copy(update={"annotations": annotations})

    def _targets(self, reading: Reading) -> list[TargetInfo]:
        """Return what the numbers of an image mean.

        Raises:
            Invalid: the dataset's images have other numbers.
        """
        present = self._dataset.head().targets if self._dataset.exists() and not self._replace else []
        found = list(reading.targets)
        if present and found and found != present:
            raise Invalid(
                "targets_differ",
                f"The new images come with {_named(found)}; the dataset has {_named(present)}.",
                hint="Give the columns the same names, units and order, or replace the dataset.",
            )
        return present or found

    def _classes(self, reading: Reading) -> list[ClassInfo]:
        """Return the dataset's classes: those it has, then those the files declare, then others by name."""
        keep = self._dataset.exists() and not self._replace
        classes = list(self._dataset.head().classes) if keep else []
        known = {item.name for item in classes}
        spelled = {item.name.casefold(): item.name for item in classes}
        found = {name for row in reading.rows for name in (self._task.class_names(row) if self._task else ())}
        declared = dict.fromkeys(reading.class_names)
        for name in [*declared, *sorted(found - declared.keys())]:
            if name in known:
                continue
            if (twin := spelled.get(name.casefold())) is not None:
                raise Invalid(
                    "classes_differ_in_case",
                    f"The class {name!r} differs only in case from the dataset's class {twin!r}.",
                    hint="Rename it, so that it is clear whether they are one class or two.",
                )
            known.add(name)
            spelled[name.casefold()] = name
            classes.append(ClassInfo(id=len(classes), name=name, color=class_color(len(classes))))
        return classes


def _source(run: Run, path: Path, unpacked: Path) -> tuple[Path, list[Problem]]:
    """Return the folder to read and the problems of unpacking it."""
    run.progress("reading", 0, None, message="Reading the source")
    if path.is_dir():
        return path, []
    if not path.exists():
        raise Invalid("source_is_gone", "The folder or archive to import is gone.", hint="Start the import again.")
    shutil.rmtree(unpacked, ignore_errors=True)
    return unpacked, unpack(path, unpacked, run.check)


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
    return Reading(rows, problems, names, reading.targets)


def _said(row: Row) -> tuple[object, ...]:
    """Return what a row says of its image, wherever it says it."""
    return row.labels, [(item.label, item.bbox) for item in row.objects], row.values


def _named(targets: Sequence[TargetInfo]) -> str:
    return ", ".join(f"{item.name} [{item.unit}]" if item.unit else item.name for item in targets)


def _other_size(item: Stored) -> Problem | None:
    """Return a problem when the label file knows the image by another size: its pixel coordinates may not fit."""
    record, declared = item.record, item.row.size
    if not declared or 0 in declared or declared == (record.width, record.height) or item.row.place is None:
        return None
    return Problem(
        severity="warning",
        code="image_size_differs",
        file=printable(item.row.place.file),
        line=item.row.place.line,
        message=f"The image is said to have {declared[0]} x {declared[1]} pixels; it has"
        f" {record.width} x {record.height}. Coordinates are taken as they stand.",
        mend="Check a few boxes on the image; export the labels again for images of this size if they are off.",
    )


if __name__ == "__main__":
    raise SystemExit(main(work))
