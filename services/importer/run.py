"""An import, from files to a new revision of the dataset. Nothing of it is seen before it is whole."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from services.importer import exporting, leftovers, preview
from services.importer.annotating import Annotator
from services.importer.classes import counted, legend, mapped, not_added, respelled
from services.importer.duplicates import Seen
from services.importer.records import ImageStorer, Stored
from services.importer.sources import MAX_IMAGE_BYTES, Source, read_source
from shared.bus.run import Run, main
from shared.errors import Invalid, StudioError
from shared.schemas.dataset import DatasetHead, ImageRecord, ImportReport, Problem
from shared.schemas.import_plan import ImportPlan
from shared.schemas.job import JobStatus
from shared.taskkit import registry

_SHOWN_PROBLEMS = 500
"""The dataset's head is read with every page, so it carries no more than these; all are in a file of the dataset."""


def work(run: Run) -> dict[str, Any]:
    """Do what the payload asks for: a preview, an export of the dataset, or an import; return what came of it."""
    leftovers.sweep(run.workspace)
    if run.payload.get("preview"):
        return preview.work(run)
    if "export" in run.payload:
        return exporting.work(run)
    if (done := _published(run)) is not None:
        return done
    source = read_source(run)
    plan = ImportPlan.model_validate(run.payload.get("plan") or {"format": source.format})
    return _Import(run, source, plan).store()


def _published(run: Run) -> dict[str, Any] | None:
    """Return the result of an import whose revision was written before a kill, None where it was not."""
    dataset = run.workspace.dataset(run.payload["project_id"])
    head = dataset.head() if dataset.exists() else None
    if head is None or head.last_import is None or head.last_import.job_id != run.job.id:
        return None
    leftovers.end(dataset)
    return _result(head, head.last_import)


def _result(head: DatasetHead, report: ImportReport) -> dict[str, Any]:
    return {
        "revision": head.revision,
        "added": report.added,
        "duplicates": report.duplicates,
        "known": report.known,
        "skipped": report.skipped,
        "problems": report.problem_count,
        "classes": len(head.classes),
    }


class _Import:
    """The state of one import while it goes on."""

    def __init__(self, run: Run, source: Source, plan: ImportPlan) -> None:
        self._run = run
        self._root = source.root
        self._plan = plan
        project = run.workspace.projects.get(run.payload["project_id"])
        self._dataset = run.workspace.dataset(project.id)
        self._task = registry.part(project.task, "importing")
        self._replace = run.payload["mode"] == "replace"
        head = self._dataset.head() if self._dataset.exists() and not self._replace else None
        self._head = head
        self._reading = respelled(mapped(source.reading, plan.class_map), self._task, head)
        self._problems = self._reading.problems
        self._legend = legend(self._reading, counted(self._reading.rows, self._task), head)
        self._seen = Seen(self._dataset.index().ids() if head else set())

    def store(self) -> dict[str, Any]:
        """Store the rows' images and publish them, or leave everything as it was."""
        unpacked = self._root != Path(self._run.payload["source"]["path"])
        most = self._run.settings.max_image_pixels
        storer = ImageStorer(self._dataset, self._root, most, MAX_IMAGE_BYTES, owned=unpacked)
        leftovers.begin(self._run.workspace, self._dataset, self._run.job)
        try:
            records = self._annotated(self._stored(storer))
            result = self._publish(records)
            self._remove_left_out(storer, records)
        except BaseException:
            self._remove_leftovers(storer)
            raise
        leftovers.end(self._dataset)
        return result

    def _stored(self, storer: ImageStorer) -> list[Stored]:
        rows = self._reading.rows
        kept: list[Stored] = []
        done = 0
        self._run.progress("images", 0, len(rows), unit="images")
        for batch in storer.store(rows):
            self._run.check()
            for item in batch:
                if isinstance(item, Problem):
                    self._problems.append(item)
                elif self._seen.is_new(item, self._problems):
                    kept.append(item)
                    self._problems += item.notes
            done += len(batch)
            self._run.progress("images", done, len(rows), unit="images")
        return kept

    def _annotated(self, kept: Sequence[Stored]) -> list[ImageRecord]:
        class_ids = {item.name: item.id for item in self._legend.classes}
        annotator = Annotator(self._task, class_ids, self._plan.mends, self._reading.problems)
        records = []
        for item in kept:
            record, problems = annotator.annotated(item)
            self._problems += problems
            if record is not None:
                records.append(record)
        self._problems += self._seen.told_known(self._dataset.records, annotator.annotations)
        return records

    def _publish(self, records: Sequence[ImageRecord]) -> dict[str, Any]:
        if not records and not self._seen.present:
            first = next((item for item in self._problems if item.severity == "error"), None)
            why = f" The first problem: {first.file}: {first.message}" if first else ""
            raise Invalid("nothing_to_import", f"None of the images could be read.{why}")
        if not records and self._head is not None:
            self._problems += not_added(self._legend, self._head)
            self._legend = self._head.legend
        self._run.progress("index", 0, 1, message="Writing the revision")
        report = ImportReport(
            job_id=self._run.job.id,
            format=self._plan.format,
            mode=self._run.payload["mode"],
            source=self._run.payload["source"].get("name") or self._run.payload["source"]["path"],
            added=len(records),
            duplicates=self._seen.duplicates,
            known=self._seen.known,
            skipped=sum(item.severity == "error" for item in self._problems),
            problems=sorted(self._problems, key=lambda item: item.severity)[:_SHOWN_PROBLEMS],
            problem_count=len(self._problems),
        )
        self._run.fence()
        self._dataset.imports.save(report, self._problems)
        head = self._dataset.commit(
            records, self._legend, reason=f"import of {report.source}", report=report, replace=self._replace
        )
        return _result(head, report)

    def _remove_left_out(self, storer: ImageStorer, records: Sequence[ImageRecord]) -> None:
        """Remove the files of images that the plan left out after they were read."""
        kept = {item.id for item in records}
        left_out = {item: paths for item, paths in storer.written.items() if paths and item not in kept}
        if left_out:
            self._dataset.remove_unused(left_out, lambda: True)

    def _remove_leftovers(self, storer: ImageStorer) -> None:
        """Remove what no revision names, unless the job was given to another run, which builds on these files."""

        def is_still_mine() -> bool:
            job = self._run.workspace.jobs.get(self._run.job.id)
            return job.epoch == self._run.job.epoch and job.status is not JobStatus.QUEUED

        try:
            self._dataset.remove_unused(storer.written, is_still_mine)
            if is_still_mine() and not leftovers.is_published(self._dataset, self._run.job.id):
                self._dataset.imports.remove(self._run.job.id)
                leftovers.end(self._dataset)
        except (StudioError, OSError):
            logging.warning("images that no revision names may be left in the workspace", exc_info=True)


if __name__ == "__main__":
    raise SystemExit(main(work))
