"""A preview: what an import would read, checked to the last image, and the plan that it proposes. Nothing is kept."""

from collections import Counter, deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.importer.annotating import Annotator
from services.importer.checking import ImageChecker
from services.importer.classes import counted, legend, mapped, not_added, twin, twins
from services.importer.duplicates import Seen
from services.importer.records import Stored
from services.importer.sources import MAX_IMAGE_BYTES, Source, read_source
from shared.bus.run import Run
from shared.schemas.dataset import DatasetHead, ImageRecord, Legend, Problem
from shared.schemas.import_plan import ImportPlan, PreviewClass, PreviewReport, PreviewSample, ProblemKind
from shared.store.files import write_bytes
from shared.store.imports import write_problems
from shared.taskkit import images, registry
from shared.taskkit.formats.rows import Reading
from shared.taskkit.spec import TaskSpec

SAMPLES = 20
_SHOWN_PROBLEMS = 100
_SHOWN_SHAPES = 50


def work(run: Run) -> dict[str, Any]:
    """Read the source and check all of it; return the report."""
    source = read_source(run)
    preview = _Preview(run, source)
    preview.check()
    return preview.report().model_dump(mode="json")


@dataclass(frozen=True, slots=True)
class _Sample:
    """An image to show, and where it stands among the rows."""

    position: int
    file: Path
    record: ImageRecord
    subset: str | None


class _Preview:
    """The state of a preview while it goes on."""

    def __init__(self, run: Run, source: Source) -> None:
        self._run = run
        self._source = source
        self._spec: TaskSpec = registry.spec(run.workspace.projects.get(run.payload["project_id"]).task)
        self._task = registry.part(self._spec.id, "importing")
        self._dataset = dataset = run.workspace.dataset(run.payload["project_id"])
        keep = dataset.exists() and run.payload["mode"] == "append"
        self._head: DatasetHead | None = dataset.head() if keep else None
        self._seen = Seen(dataset.index().ids() if keep else set())
        self._checker = ImageChecker(dataset, source.root, run.settings.max_image_pixels, MAX_IMAGE_BYTES)
        self._found = counted(source.reading.rows, self._task)
        class_map = dict(twins(self._found, source.reading.class_names, self._head))
        self._plan = ImportPlan(format=source.format, read=source.options, class_map=dict(class_map))
        self._reading: Reading = mapped(source.reading, self._plan.class_map)
        self._problems = [*self._reading.problems, *(twin(name, other) for name, other in class_map.items())]
        self._legend: Legend = legend(self._reading, counted(self._reading.rows, self._task), self._head)
        class_ids = {item.name: item.id for item in self._legend.classes}
        self._annotator = Annotator(self._task, class_ids, {}, self._reading.problems)
        self._images = 0
        self._annotations = 0
        self._samples: list[_Sample] = []
        self._spares: deque[_Sample] = deque(maxlen=SAMPLES)
        self._subsets: Counter[str] = Counter()

    def check(self) -> None:
        """Look at every image as an import would."""
        rows = self._reading.rows
        done = 0
        self._run.progress("images", 0, len(rows), unit="images", message="Checking the images")
        for batch in self._checker.store(rows):
            self._run.check()
            for item in batch:
                self._take(item, done)
                done += 1
            self._run.progress("images", done, len(rows), unit="images", message="Checking the images")
        self._problems += self._seen.told_known(self._dataset.records, self._annotator.annotations)
        if not self._images:
            self._problems += not_added(self._legend, self._head)
        # Where the last rows are bad, the even choice comes out short of images.
        missing = min(SAMPLES - len(self._samples), len(self._spares))
        self._samples += list(self._spares)[len(self._spares) - missing :]
        self._samples.sort(key=lambda item: item.position)

    def _take(self, item: Stored | Problem, position: int) -> None:
        if isinstance(item, Problem):
            self._problems.append(item)
        elif self._seen.is_new(item, self._problems):
            record, problems = self._annotator.annotated(item)
            self._problems += [*item.notes, *problems]
            assert record is not None, "without mends nothing is left out"
            self._images += 1
            self._annotations += len(record.annotations)
            self._subsets[item.row.subset or "none"] += 1
            # Files stand in the order of their names, and so of their folders: an even choice sees all kinds.
            is_due = len(self._samples) * len(self._reading.rows) <= position * SAMPLES
            chosen = self._samples if is_due and len(self._samples) < SAMPLES else self._spares
            chosen.append(_Sample(position, item.row.file, record, item.row.subset))

    def report(self) -> PreviewReport:
        """Store all problems and the samples' pictures beside the job; return the report."""
        folder = self._run.workspace.jobs.folder(self._run.job.id)
        write_problems(folder / "problems.jsonl", self._problems)
        for number, sample in enumerate(self._samples):
            data = (self._source.root / sample.file).read_bytes()
            write_bytes(folder / "samples" / f"{number}.jpg", images.thumbnail(data))
        self._run.fence()
        return PreviewReport(
            layout=self._layout(),
            fingerprint=self._source.fingerprint,
            images=self._images,
            annotations=self._annotations,
            duplicates=self._seen.duplicates,
            known=self._seen.known,
            subsets=dict(self._subsets) if set(self._subsets) != {"none"} else {},
            classes=self._classes(),
            targets=self._legend.targets,
            samples=[self._sample(item.record, item.subset) for item in self._samples],
            kinds=self._kinds(),
            problems=sorted(self._problems, key=lambda item: item.severity)[:_SHOWN_PROBLEMS],
            problem_count=len(self._problems),
            plan=self._plan,
        )

    def _layout(self) -> str:
        """Return what was recognised, in one line."""
        label = next(item.label for item in self._spec.import_formats if item.value == self._source.format)
        rows = self._source.reading.rows
        files = sorted(
            {row.place.file for row in rows if row.place} | {i.place.file for row in rows for i in row.objects}
        )
        if not files:
            return f"{label}, {len(rows):,} images"
        named = files[0] if len(files) == 1 else f"{len(files):,} label files"
        return f"{label}, {len(rows):,} images in {named}"

    def _classes(self) -> list[PreviewClass]:
        """Return the classes as the files name them, in their order, then others by name."""
        rows, declared = self._source.reading.rows, self._source.reading.class_names
        in_images = Counter(name for row in rows for name in (set(self._task.class_names(row)) if self._task else ()))
        known = {item.name for item in self._head.classes} if self._head else set()
        names = [*dict.fromkeys(declared), *sorted(self._found.keys() - set(declared))]
        return [
            PreviewClass(name=name, images=in_images[name], annotations=self._found[name], known=name in known)
            for name in names
        ]

    def _sample(self, record: ImageRecord, subset: str | None) -> PreviewSample:
        overlay = registry.part(self._spec.id, "overlay")
        shapes = overlay.truth_shapes(record.annotations, self._legend) if overlay else []
        return PreviewSample(
            file=record.source or record.filename,
            width=record.width,
            height=record.height,
            subset=subset,
            shapes=[shape.model_dump(mode="json") for shape in shapes[:_SHOWN_SHAPES]],
        )

    def _kinds(self) -> list[ProblemKind]:
        """Return the problems by code, errors before warnings and many before few."""
        counts = Counter(item.code for item in self._problems)
        first: dict[str, Problem] = {}
        for item in sorted(self._problems, key=lambda item: item.severity):
            first.setdefault(item.code, item)
        kinds = [
            ProblemKind(
                code=code,
                severity=item.severity,
                count=counts[code],
                message=item.message,
                actions=self._annotator.actions.get(code, []),
            )
            for code, item in first.items()
        ]
        return sorted(kinds, key=lambda kind: (kind.severity, -kind.count))
