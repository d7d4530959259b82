"""A dataset: image records in immutable chunks, manifests that list them, and a head that names the newest."""

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from shared.schemas.annotations import Annotation
from shared.schemas.base import Document, EditableDocument, Model, utc_now

CHUNK_SIZE = 1000


class ImageRecord(Model):
    """One image. `id` is the first 16 hex digits of the SHA-256 of its bytes; width and height are as shown upright."""

    id: str
    filename: str
    width: int
    height: int
    bytes: int
    format: str
    sha256: str
    imported_at: datetime
    source: str | None = None
    """Path of the file inside the imported folder or archive."""
    annotations: list[Annotation] = Field(default_factory=list)
    brightness: float | None = None
    """Mean of the grey values, 0 to 255."""
    phash: str | None = None
    """Perceptual hash, 16 hex digits: near duplicates differ in few of its 64 bits."""
    meta: dict[str, Any] | None = None
    """Facts the import read beside the annotations: `subset`, and `columns` of a table as text by header."""


class ClassInfo(Model):
    """A class of the dataset; `color` is the same on every page."""

    id: int
    name: str
    color: str


class TargetInfo(Model):
    """A number that is known of every image, such as an angle; `unit` is empty where it has none."""

    name: str
    unit: str = ""


class Legend(Model):
    """What annotations refer to: classes by id, and what each of the numbers of an image means."""

    classes: list[ClassInfo] = Field(default_factory=list)
    targets: list[TargetInfo] = Field(default_factory=list)


class Problem(Model):
    """Something an import met and what it did about it."""

    severity: Literal["error", "warning"]
    code: str
    file: str | None = None
    line: int | None = None
    message: str
    mend: str | None = None
    """What a person can do about it."""


class ChunkRef(Model):
    """A chunk file named by the SHA-256 of its content."""

    hash: str
    count: int


class ImportReport(Model):
    """What the last import did."""

    job_id: str
    format: str
    mode: Literal["append", "replace"]
    source: str
    added: int
    duplicates: int
    """Files with the picture of another of the same import."""
    known: int = 0
    """Files with a picture that the dataset had."""
    skipped: int
    problems: list[Problem]
    """The first of them, errors before warnings; all are in `problems.jsonl` of the job."""
    problem_count: int = 0
    finished_at: datetime = Field(default_factory=utc_now)

    @model_validator(mode="after")
    def _count_problems(self) -> Self:
        self.problem_count = max(self.problem_count, len(self.problems))
        return self


class LastRevision(Document):
    """`dataset-revision.json` beside the dataset: the highest number a deleted dataset used, never to be used again."""

    number: int


class DatasetRevision(Document):
    """`revisions/<n>.json`: an immutable list of chunks."""

    number: int
    parent: int | None
    reason: str
    created_at: datetime = Field(default_factory=utc_now)
    chunks: list[ChunkRef]
    classes: list[ClassInfo]
    targets: list[TargetInfo] = Field(default_factory=list)
    image_count: int
    annotation_count: int

    @property
    def legend(self) -> Legend:
        """Classes and targets together."""
        return Legend(classes=self.classes, targets=self.targets)


class Range(Model):
    """Smallest, middle and largest of a set of numbers."""

    min: float
    median: float
    max: float


class Histogram(Model):
    """How often which values occur: `counts` are of equal steps from `min` to `max`."""

    min: float
    max: float
    mean: float
    std: float
    counts: list[int]


class Bins(Model):
    """How often values occur that are whole multiples of `unit`.

    Bin i holds the values from `start` + i * `step` up to one `unit` below the start of the next bin.
    """

    start: float
    step: float
    unit: float
    counts: list[int]


class Statistics(Model):
    """Facts over all images of a revision. Sizes in pixels and bytes, aspect is width over height."""

    width: Range | None = None
    height: Range | None = None
    aspect: Range | None = None
    total_bytes: int = 0
    formats: dict[str, int] = Field(default_factory=dict)
    subsets: dict[str, int] = Field(default_factory=dict)
    """Images per subset folder of the source, where it had any."""
    class_counts: dict[int, int] = Field(default_factory=dict)
    """Images that show a class, by class id."""
    annotation_counts: dict[int, int] = Field(default_factory=dict)
    """Annotations of a class, by class id."""
    targets: list[Histogram] = Field(default_factory=list)
    """Distribution of each target, in the order of the dataset's targets."""
    unlabelled: int = 0
    widths: Bins | None = None
    heights: Bins | None = None
    aspects: Bins | None = None
    brightness: Bins | None = None
    """Of the images whose brightness is known, 0 to 255."""
    annotations_per_image: Bins | None = None


class DatasetHead(EditableDocument):
    """`dataset.json`. `revision` is the newest revision of the dataset."""

    project_id: str
    updated_at: datetime = Field(default_factory=utc_now)
    chunks: list[ChunkRef]
    classes: list[ClassInfo]
    targets: list[TargetInfo] = Field(default_factory=list)
    image_count: int
    annotation_count: int
    statistics: Statistics
    last_import: ImportReport | None = None
    next_class_id: int = 0
    """Above the ids of all classes there ever were: an id that two classes used would mix up their history."""

    @property
    def legend(self) -> Legend:
        """Classes and targets together."""
        return Legend(classes=self.classes, targets=self.targets)
