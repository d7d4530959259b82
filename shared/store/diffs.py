"""What one revision of a dataset changed against another: chunks first, then the records of those that differ."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal

import orjson

from shared.schemas.dataset import ClassInfo, DatasetRevision
from shared.store.chunks import Chunks, line_id

_SHOWN = 60
_MOST_RECORDS = 200_000
"""Beyond it records are not compared one by one: what they say would not fit into memory, and nobody reads it."""
What = Literal["added", "removed", "renamed", "recoloured"]


@dataclass(frozen=True, slots=True)
class ChangedImage:
    """An image by name; `before` and `after` are the names of the classes it shows, for changed annotations."""

    id: str
    filename: str
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ImageChanges:
    """How many images, and the first of them."""

    count: int = 0
    images: list[ChangedImage] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ClassChange:
    """What happened to a class; `now` is its new name or colour."""

    what: What
    id: int
    name: str
    now: str = ""


@dataclass(frozen=True, slots=True)
class Diff:
    """`complete` is False where too much differs to compare it image by image; only classes are told then."""

    number: int
    against: int | None
    complete: bool
    added: ImageChanges
    removed: ImageChanges
    relabelled: ImageChanges
    classes: list[ClassChange]


def diff(chunks: Chunks, old: DatasetRevision | None, new: DatasetRevision) -> Diff:
    """Return what leads from one revision to another; from nothing where there is no old one."""
    classes = class_changes(old.classes if old else [], new.classes)
    before = {chunk.hash: chunk.count for chunk in old.chunks} if old else {}
    after = {chunk.hash: chunk.count for chunk in new.chunks}
    gone = [digest for digest in before if digest not in after]
    come = [digest for digest in after if digest not in before]
    against = old.number if old else None
    nothing = ImageChanges()
    if sum(before[digest] for digest in gone) + sum(after[digest] for digest in come) > _MOST_RECORDS:
        return Diff(new.number, against, False, nothing, nothing, nothing, classes)
    was, now = _read(chunks, gone), _read(chunks, come)
    names = {item.id: item.name for item in new.classes}
    old_names = {item.id: item.name for item in old.classes} if old else {}
    changed = [item for item in now if item in was and was[item][1] != now[item][1]]
    return Diff(
        number=new.number,
        against=against,
        complete=True,
        added=_images(chunks, now, [item for item in now if item not in was], {}, names),
        removed=_images(chunks, was, [item for item in was if item not in now], old_names, {}),
        relabelled=_relabelled(chunks, was, now, changed, old_names, names),
        classes=classes,
    )


def class_changes(old: Iterable[ClassInfo], new: Iterable[ClassInfo]) -> list[ClassChange]:
    """Return what happened to classes, in the order of the new ones, those that are gone last."""
    before, found = {item.id: item for item in old}, []
    for item in new:
        known = before.pop(item.id, None)
        if known is None:
            found.append(ClassChange("added", item.id, item.name))
            continue
        if known.name != item.name:
            found.append(ClassChange("renamed", item.id, known.name, item.name))
        if known.color != item.color:
            found.append(ClassChange("recoloured", item.id, item.name, item.color))
    return found + [ClassChange("removed", item.id, item.name) for item in before.values()]


_Known = Mapping[str, tuple[tuple[str, int], bytes]]
"""By image: its chunk and line, and a digest of its annotations."""


def _read(chunks: Chunks, digests: Iterable[str]) -> _Known:
    found = {}
    for digest in digests:
        for at, line in enumerate(chunks.lines(digest)):
            said = orjson.dumps(orjson.loads(line)["annotations"])
            found[line_id(line)] = ((digest, at), blake2b(said, digest_size=8).digest())
    return found


def _record(chunks: Chunks, known: _Known, image_id: str) -> dict[str, Any]:
    (digest, at), _ = known[image_id]
    record: dict[str, Any] = orjson.loads(chunks.lines(digest)[at])
    return record


def _images(
    chunks: Chunks, known: _Known, image_ids: list[str], before: Mapping[int, str], after: Mapping[int, str]
) -> ImageChanges:
    shown = []
    for image_id in image_ids[:_SHOWN]:
        record = _record(chunks, known, image_id)
        shown.append(ChangedImage(image_id, record["filename"], _names(record, before), _names(record, after)))
    return ImageChanges(len(image_ids), shown)


def _relabelled(
    chunks: Chunks,
    was: _Known,
    now: _Known,
    image_ids: list[str],
    old_names: Mapping[int, str],
    names: Mapping[int, str],
) -> ImageChanges:
    shown = []
    for image_id in image_ids[:_SHOWN]:
        old, new = _record(chunks, was, image_id), _record(chunks, now, image_id)
        shown.append(ChangedImage(image_id, new["filename"], _names(old, old_names), _names(new, names)))
    return ImageChanges(len(image_ids), shown)


def _names(record: dict[str, Any], names: Mapping[int, str]) -> list[str]:
    shown = dict.fromkeys(note["class_id"] for note in record["annotations"] if "class_id" in note)
    return [names[class_id] for class_id in shown if class_id in names]
