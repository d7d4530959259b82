"""Changes of a dataset that are no import: each is a new revision, and every earlier one can be brought back."""

import re
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Annotated, TypeVar

import orjson
from pydantic import AfterValidator, ConfigDict, Field

from services.gateway.actions import datasets, jobs
from services.gateway.actions.projects import printable
from services.gateway.studio import Studio
from shared.errors import Conflict, FieldError, Invalid, NotFound, invalid_field
from shared.schemas.base import Model
from shared.schemas.dataset import ClassInfo, DatasetHead, DatasetRevision, Legend
from shared.schemas.experiment import Experiment
from shared.schemas.job import JobKind
from shared.schemas.split import Split
from shared.store.chunks import line_id
from shared.store.datasets import DatasetStore, Draft
from shared.store.diffs import Diff, diff
from shared.store.paths import missing
from shared.taskkit import registry

MOST_IMAGES = 100_000
T = TypeVar("T", Split, Experiment)
Edit = Callable[[bytes], bytes | None]


class ClassChanges(Model):
    """A new name, a new colour, or both."""

    name: Annotated[str, Field(min_length=1, max_length=120), AfterValidator(printable)] | None = None
    color: str | None = Field(default=None, pattern="^#[0-9a-fA-F]{6}$")

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "red cell", "color": "#ee6677"}]})


class Merge(Model):
    """Classes, by id, whose annotations become annotations of another class; they themselves are gone then."""

    sources: list[int] = Field(min_length=1, max_length=10_000)
    target: int

    model_config = ConfigDict(json_schema_extra={"examples": [{"sources": [3, 4], "target": 1}]})


class ImageChoice(Model):
    """Some images."""

    image_ids: list[str] = Field(min_length=1, max_length=MOST_IMAGES)

    model_config = ConfigDict(json_schema_extra={"examples": [{"image_ids": ["0123456789abcdef"]}]})


class Relabel(ImageChoice):
    """Some images, and the class they are of from now on."""

    class_id: int

    model_config = ConfigDict(json_schema_extra={"examples": [{"image_ids": ["0123456789abcdef"], "class_id": 1}]})


@dataclass(frozen=True, slots=True)
class Named:
    """A split or an experiment."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A revision, and the splits and experiments made with it."""

    revision: DatasetRevision
    current: bool
    splits: list[Named]
    experiments: list[Named]


def listed(studio: Studio, project_id: str, page: int, page_size: int) -> tuple[int, list[Entry]]:
    """Return how many revisions there are and a page of them, newest first."""
    store = datasets.store(studio, project_id)
    head, numbers = store.head(), store.revisions()
    chosen = numbers[(page - 1) * page_size : page * page_size]
    splits = _by_revision(studio.workspace.splits(project_id).list(), lambda item: item.dataset_revision)
    experiments = _by_revision(
        studio.workspace.experiments(project_id).list(), lambda item: item.configuration.dataset_revision
    )
    entries = [
        Entry(store.revision(number), number == head.revision, splits.get(number, []), experiments.get(number, []))
        for number in chosen
    ]
    return len(numbers), entries


def compared(studio: Studio, project_id: str, number: int, against: int | None = None) -> Diff:
    """Return what a revision changed.

    Args:
        studio: the studio.
        project_id: of which project.
        number: the revision.
        against: the one it is compared with, its parent unless given; the first is compared with nothing.
    """
    store = datasets.store(studio, project_id)
    store.head()
    new = store.revision(number)
    parent = new.parent if against is None else against
    old = None
    with suppress(NotFound):
        old = store.revision(parent) if parent is not None else None
    if against is not None and old is None:
        raise missing("revision", str(against))
    return diff(store.chunks, old, new)


def restore(studio: Studio, project_id: str, number: int, expected: int | None = None) -> DatasetHead:
    """Make a new revision that is as an old one was."""
    store = _changeable(studio, project_id)
    old = store.revision(number)
    draft = Draft(old.chunks, old.legend, old.annotation_count)
    return store.revise(lambda _: draft, reason=f"restored revision {number}", expected=expected)


def change_class(
    studio: Studio, project_id: str, class_id: int, changes: ClassChanges, expected: int | None = None
) -> DatasetHead:
    """Rename or recolour a class.

    Raises:
        Conflict: another class has the name; names are compared without case.
    """
    store = _changeable(studio, project_id)
    old = _class(store.head(), class_id)
    reason = f"class {old.name} "
    reason += f"renamed to {changes.name}" if changes.name not in (None, old.name) else "in another colour"

    def draft(head: DatasetHead) -> Draft:
        present = _class(head, class_id)
        twin = (changes.name or present.name).casefold()
        if any(item.name.casefold() == twin and item.id != class_id for item in head.classes):
            taken = f"There is already a class {changes.name!r}."
            errors = [FieldError("name", f"{taken} Merge the two instead.")]
            raise Conflict("class_exists", taken, hint="Merge them instead.", errors=errors)
        made = present.model_copy(update=changes.model_dump(exclude_none=True))
        classes = [made if item.id == class_id else item for item in head.classes]
        return Draft(head.chunks, Legend(classes=classes, targets=head.targets), head.annotation_count)

    return store.revise(draft, reason=reason, expected=expected)


def merge_classes(studio: Studio, project_id: str, body: Merge, expected: int | None = None) -> DatasetHead:
    """Turn the annotations of some classes into those of another, and drop these classes."""
    store = _changeable(studio, project_id)
    if body.target in body.sources:
        raise invalid_field("target", "a class cannot be merged into itself")
    head = store.head()
    target, sources = _class(head, body.target), [_class(head, item) for item in dict.fromkeys(body.sources)]

    def draft(head: DatasetHead) -> Draft:
        index = store.index()
        digests = set().union(*(index.chunks_of_class(item.id) for item in sources))
        # Reading every record would take longer than all the rest; `record_line` writes JSON without spaces.
        mark = re.compile(b'"class_id":(?:%s)[,}]' % b"|".join(b"%d" % item for item in body.sources))
        merged = partial(_merged, sources=set(body.sources), target=target.id)
        made = store.rewritten(head, digests, lambda line: merged(line) if mark.search(line) else line)
        classes = [item for item in head.classes if item.id not in body.sources]
        return Draft(made.chunks, Legend(classes=classes, targets=head.targets), made.annotations)

    reason = f"merged {', '.join(item.name for item in sources)} into {target.name}"
    return store.revise(draft, reason=reason, expected=expected)


def delete_images(
    studio: Studio, project_id: str, image_ids: Collection[str], expected: int | None = None
) -> DatasetHead:
    """Take images out of the dataset; earlier revisions keep them.

    Raises:
        Conflict: none would be left.
        NotFound: one of them does not exist.
    """
    store = _changeable(studio, project_id)
    gone = set(image_ids)
    if store.head().image_count <= len(gone):
        raise Conflict("dataset_would_be_empty", "No image would be left.", hint="Remove the dataset instead.")
    return _edited(
        store, gone, lambda line: None if line_id(line) in gone else line, f"deleted {_counted(gone)}", expected
    )


def relabel_images(
    studio: Studio, project_id: str, image_ids: Collection[str], class_id: int, expected: int | None = None
) -> DatasetHead:
    """Give images another class.

    Raises:
        Invalid: images of this task have more to them than a class.
        NotFound: one of the images, or the class, does not exist.
    """
    store = _changeable(studio, project_id)
    if not can_relabel(studio, project_id):
        raise Invalid("cannot_relabel", "Images of this task have more to them than one class.")
    chosen, target = set(image_ids), _class(store.head(), class_id)
    note = [{"kind": "label", "class_id": class_id}]

    def line(old: bytes) -> bytes:
        return _with(old, note) if line_id(old) in chosen else old

    return _edited(store, chosen, line, f"relabelled {_counted(chosen)} as {target.name}", expected)


def can_relabel(studio: Studio, project_id: str) -> bool:
    """Whether one class is all there is to say of an image."""
    return registry.spec(studio.workspace.projects.get(project_id).task).annotation_kind == "label"


def _by_revision(items: Iterable[T], revision: Callable[[T], int]) -> dict[int, list[Named]]:
    found: dict[int, list[Named]] = {}
    for item in items:
        found.setdefault(revision(item), []).append(Named(item.id, item.name))
    return found


def _edited(store: DatasetStore, image_ids: set[str], line: Edit, reason: str, expected: int | None) -> DatasetHead:
    def draft(head: DatasetHead) -> Draft:
        return store.rewritten(head, set(store.index().places(list(image_ids)).values()), line)

    return store.revise(draft, reason=reason, expected=expected)


def _merged(line: bytes, sources: set[int], target: int) -> bytes:
    """Return a record whose annotations of some classes are of another; equal ones become one."""
    notes = orjson.loads(line)["annotations"]
    if not any(note.get("class_id") in sources for note in notes):
        return line
    found = []
    for note in notes:
        changed = {**note, "class_id": target} if note.get("class_id") in sources else note
        if changed not in found:
            found.append(changed)
    return _with(line, found)


def _with(line: bytes, annotations: list[dict[str, object]]) -> bytes:
    return orjson.dumps({**orjson.loads(line), "annotations": annotations}) + b"\n"


def _changeable(studio: Studio, project_id: str) -> DatasetStore:
    """Return the dataset unless an import is about to change it: that one has noted the classes already."""
    store = datasets.store(studio, project_id)
    store.head()
    if busy := [job for job in jobs.unfinished(studio, project_id) if job.kind is JobKind.IMPORT]:
        raise Conflict("import_is_running", f"{busy[0].title} is not finished.", hint="Wait for it, or cancel it.")
    return store


def _class(head: DatasetHead, class_id: int) -> ClassInfo:
    for item in head.classes:
        if item.id == class_id:
            return item
    raise NotFound("class_not_found", f"The dataset has no class {class_id}.")


def _counted(images: Collection[str]) -> str:
    return "1 image" if len(images) == 1 else f"{len(images)} images"
