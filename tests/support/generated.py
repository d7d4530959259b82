"""Small worlds to train in: images of coloured shapes, and a workspace with a project, a dataset and a split.

What the annotations say of a shape follows from the kind of annotation the task wants. Nothing here imports torch.
"""

import hashlib
import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from shared.bus.run import Run
from shared.schemas.annotations import Annotation, AnnotationKind, BoxAnnotation, LabelAnnotation, ValueAnnotation
from shared.schemas.base import SUBSETS, Subset, new_id
from shared.schemas.dataset import ClassInfo, ImageRecord, ImportReport, Legend, TargetInfo
from shared.schemas.evaluation import Evaluation, EvaluationConfig
from shared.schemas.experiment import Configuration, Experiment, Hardware
from shared.schemas.export import Export
from shared.schemas.job import Job, JobKind
from shared.schemas.project import Project
from shared.schemas.split import Ratios, Split, SubsetSummary
from shared.settings import Settings
from shared.store.batches import write_unsettled
from shared.store.lifecycle import Claim
from shared.store.workspace import Workspace
from shared.taskkit import registry

COLORS = ("#d03030", "#30a040", "#3050d0", "#c0a020")
SUBSET_CYCLE: tuple[Subset, ...] = ("train", "train", "train", "val", "test")


def classes(count: int) -> list[ClassInfo]:
    """Return classes whose ids are not their positions, as after classes were deleted."""
    return [ClassInfo(id=2 * i + 1, name=f"class {i}", color=COLORS[i % 4]) for i in range(count)]


@dataclass(frozen=True)
class Shape:
    """The one shape of an image, in pixels; `kind` decides its colour and form."""

    kind: int
    x: int
    y: int
    side: int


def shape_of(kind: int, seed: int, size: tuple[int, int] = (80, 60)) -> Shape:
    """Return where the shape of an image is, and how large."""
    chance = random.Random(f"{kind}/{seed}")
    side = chance.randrange(min(size) // 3, min(size) // 2)
    return Shape(kind, chance.randrange(size[0] - side), chance.randrange(size[1] - side), side)


def shape_image(kind: int, seed: int, size: tuple[int, int] = (80, 60), image_format: str = "JPEG") -> bytes:
    """Return an encoded image of one shape; `seed` decides its place and the ground."""
    shape = shape_of(kind, seed, size)
    image = Image.new("RGB", size, (random.Random(f"ground/{kind}/{seed}").randrange(90, 160),) * 3)
    draw = ImageDraw.Draw(image)
    corners = [(shape.x, shape.y), (shape.x + shape.side, shape.y + shape.side)]
    (draw.rectangle if kind % 2 else draw.ellipse)(corners, fill=COLORS[kind % 4])
    buffer = io.BytesIO()
    image.save(buffer, image_format)
    return buffer.getvalue()


TARGETS = [TargetInfo(name="side", unit="px"), TargetInfo(name="left", unit="px")]


def _box(shape: Shape) -> tuple[float, float, float, float]:
    return (float(shape.x), float(shape.y), float(shape.side), float(shape.side))


ANNOTATORS: dict[AnnotationKind, Callable[[Shape, int], Annotation]] = {
    "label": lambda _, class_id: LabelAnnotation(class_id=class_id),
    "box": lambda shape, class_id: BoxAnnotation(class_id=class_id, bbox=_box(shape)),
    "value": lambda shape, _: ValueAnnotation(values=[float(shape.side), float(shape.x)]),
}
"""What each kind of annotation says of a shape, given the id of its class."""


def legend_of(kind: AnnotationKind, class_count: int) -> Legend:
    """Return classes, or for numbers their targets."""
    return Legend(targets=TARGETS) if kind == "value" else Legend(classes=classes(class_count))


def record_of(data: bytes, filename: str, annotations: list[Annotation]) -> ImageRecord:
    """Return the record an import would write."""
    with Image.open(io.BytesIO(data)) as image:
        width, height, image_format = image.width, image.height, image.format
    digest = hashlib.sha256(data).hexdigest()
    return ImageRecord(
        id=digest[:16],
        filename=filename,
        width=width,
        height=height,
        bytes=len(data),
        format=image_format or "JPEG",
        sha256=digest,
        imported_at=datetime(2026, 1, 1, tzinfo=UTC),
        annotations=annotations,
    )


@dataclass
class World:
    """A workspace with one project whose images show one shape each."""

    root: Path
    task: str
    class_count: int = 2
    per_class: int = 10
    subsets: tuple[Subset, ...] = SUBSET_CYCLE
    workspace: Workspace = field(init=False)
    project: Project = field(init=False)
    split: Split = field(init=False)

    def __post_init__(self) -> None:
        self.workspace = Workspace(self.root)
        self.workspace.prepare()
        self.settings = Settings(workspace=self.root, offline=True)
        self.project = self.workspace.projects.create("Shapes", self.task)
        records = self._import()
        self.split = self._split(records)

    def experiment(
        self, *, device: str = "cpu", precision: str = "32", workers: int = 0, architecture: str = "", **params: Any
    ) -> Experiment:
        """Return a new experiment: 64 px or the least it takes, batches of 4, 3 epochs, unless `params` differ."""
        spec = registry.spec(self.task)
        chosen = spec.architecture(architecture) or spec.architectures[0]
        configuration = Configuration(
            split_id=self.split.id,
            dataset_revision=self.split.dataset_revision,
            architecture=chosen.id,
            params={
                **chosen.overrides,
                "image_size": max(64, chosen.image_sizes[0]),
                "batch_size": 4,
                "epochs": 3,
                **params,
            },
            augmentations=list(spec.augmentations),
            hardware=Hardware.model_validate({"device": device, "precision": precision, "loader_workers": workers}),
        )
        experiment = Experiment(
            id=new_id("experiment"), project_id=self.project.id, name="A training", configuration=configuration
        )
        return self.workspace.experiments(self.project.id).create(experiment)

    def training(self, experiment: Experiment, *, resume: bool = False) -> Run:
        """Return the run of a training job that a worker has claimed."""
        payload = {"project_id": self.project.id, "experiment_id": experiment.id, "resume": resume}
        run = self.claimed(JobKind.TRAINING, payload)
        self.workspace.experiments(self.project.id).update(
            experiment.id, lambda item: item.model_copy(update={"job_id": run.job.id})
        )
        return run

    def evaluation(self, experiment: Experiment, **config: Any) -> Run:
        """Return the run of an evaluation job that a worker has claimed."""
        run = self.claimed(JobKind.EVALUATION, {"project_id": self.project.id, "experiment_id": experiment.id})
        evaluation = Evaluation(
            experiment_id=experiment.id, job_id=run.job.id, config=EvaluationConfig.model_validate(config)
        )
        self.workspace.evaluation(self.project.id, experiment.id).start(evaluation)
        return run

    def export(self, experiment: Experiment, **changes: Any) -> Run:
        """Return the run of an export job that a worker has claimed."""
        export_id = new_id("export")
        run = self.claimed(JobKind.EXPORT, {"project_id": self.project.id, "export_id": export_id})
        values = {"checkpoint": "best", "format": "onnx", "options": {}, **changes}
        export = {"id": export_id, "project_id": self.project.id, "experiment_id": experiment.id, "job_id": run.job.id}
        self.workspace.exports(self.project.id).save(Export.model_validate(export | values))
        return run

    def claimed(self, kind: JobKind, payload: dict[str, Any]) -> Run:
        """Return the run of a new job that a worker has claimed."""
        job = self.workspace.jobs.create(kind, self.project.id, "A job", payload)
        return Run(self.workspace, self.claim(job), self.settings)

    def claim(self, job: Job) -> Job:
        """Let a worker claim the job."""
        return self.workspace.jobs.apply(job.id, Claim("a worker", 600))

    def _import(self) -> list[ImageRecord]:
        dataset = self.workspace.dataset(self.project.id)
        kind_of_task = registry.spec(self.task).annotation_kind
        ids = [item.id for item in classes(self.class_count)]
        records = []
        for number in range(self.per_class):
            for kind in range(self.class_count):
                data = shape_image(kind, number)
                said = ANNOTATORS[kind_of_task](shape_of(kind, number), ids[kind])
                record = record_of(data, f"{kind}-{number}.jpg", [said])
                write_unsettled(dataset.image_path(record), data)
                records.append(record)
        report = ImportReport(
            job_id=new_id("job"),
            format="generated",
            mode="append",
            source="tests",
            added=len(records),
            duplicates=0,
            skipped=0,
            problems=[],
        )
        dataset.commit(
            records, legend_of(kind_of_task, self.class_count), reason="import", report=report, replace=False
        )
        return records

    def _split(self, records: list[ImageRecord]) -> Split:
        assignment: dict[Subset, list[str]] = {subset: [] for subset in SUBSETS}
        for number, record in enumerate(records):
            assignment[self.subsets[number // self.class_count % len(self.subsets)]].append(record.id)
        counts = {subset: len(ids) for subset, ids in assignment.items()}
        split = Split(
            id=new_id("split"),
            name="A split",
            ratios=Ratios(),
            seed=1,
            strategy="random",
            dataset_revision=1,
            counts=counts,
            subsets={subset: SubsetSummary(count=count, distribution={}) for subset, count in counts.items()},
            warnings=[],
            assignment=assignment,
        )
        return self.workspace.splits(self.project.id).create(split)
