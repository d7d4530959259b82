"""What a split looks at of each image, as arrays: the records of a million images would not fit into memory."""

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.schemas.base import SUBSETS
from shared.schemas.dataset import ImageRecord
from shared.schemas.split import GroupBy
from shared.store.datasets import DatasetStore
from shared.taskkit import registry, similarity
from shared.taskkit.groups import columns_of, group_of, numbers_something, series_of
from shared.taskkit.strata import shown_classes

Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Coded:
    """A label for each image: `codes` are places in `labels`, which are sorted."""

    codes: Codes
    labels: list[Any]


@dataclass(frozen=True)
class Rows:
    """The images of a dataset revision, in order of import; every array has one entry an image."""

    keys: npt.NDArray[np.uint64]
    """The ids as numbers."""
    strata: Coded
    shown: Coded
    """The names of the classes an image shows, as a tuple; of one that shows none its stratum."""
    imported: Codes
    """The subset the source had an image in, as a place in `SUBSETS`; -1 where it had none."""
    groups: Codes
    """Groups of alike images, from 0 without gaps, if the request asks for any."""
    grouped: Flags
    """Whether an image has such a group; one that has none stands for itself."""
    columns: frozenset[str]
    """What could be grouped by."""
    series: Codes
    """Images whose names differ in their last number only, from 0 without gaps."""
    numbered: Flags
    """Whether the name of a series has a number of its own."""
    hashes: npt.NDArray[np.uint64]
    hashed: Flags
    """Whether an image has a perceptual hash."""

    @cached_property
    def clusters(self) -> Codes:
        """The cluster of near duplicates of each image, from 0 without gaps."""
        return similarity.clusters(self.hashes, self.hashed)

    def groups_of(self, group_by: GroupBy) -> Codes:
        """Return the groups that a request asks for."""
        return self.clusters if group_by.by == "similar" else self.groups


def rows(store: DatasetStore, revision: int, task: str, group_by: GroupBy | None) -> Rows:
    """Return what a split of a revision needs to know; remembered, since a preview asks again at every change."""
    return _rows(store.folder, revision, task, group_by.model_dump_json() if group_by else "")


@lru_cache(maxsize=2)
def _rows(folder: Path, revision: int, task: str, group_by: str) -> Rows:
    """Read them. A revision never changes and its number is never used again, so nothing here grows stale."""
    store = DatasetStore(folder)
    names = {item.id: item.name for item in store.revision(revision).classes}
    notes = _Notes(GroupBy.model_validate_json(group_by) if group_by else None)
    strata = registry.spec(task).strata(notes.noted(store.records(revision)), names)
    named = cache(lambda classes, stratum: tuple(names[item] for item in classes) or (stratum,))
    return Rows(
        keys=np.array(notes.ids, dtype=np.uint64),
        strata=_coded(strata),
        shown=_coded(list(map(named, notes.shown, strata))),
        imported=np.array(notes.imported, dtype=np.int64),
        groups=_numbered(notes.groups),
        grouped=np.array(notes.grouped, dtype=np.bool_),
        columns=frozenset(notes.columns),
        series=_numbered(notes.series),
        numbered=np.array(notes.numbered, dtype=np.bool_),
        hashes=np.array(notes.hashes, dtype=np.uint64),
        hashed=np.array(notes.hashed, dtype=np.bool_),
    )


@dataclass
class _Notes:
    """What is kept of each record; texts as numbers made of them."""

    group_by: GroupBy | None
    ids: "array[int]" = field(default_factory=lambda: array("Q"))
    shown: list[tuple[int, ...]] = field(default_factory=list)
    imported: "array[int]" = field(default_factory=lambda: array("b"))
    groups: "array[int]" = field(default_factory=lambda: array("Q"))
    grouped: bytearray = field(default_factory=bytearray)
    columns: set[str] = field(default_factory=set)
    series: "array[int]" = field(default_factory=lambda: array("Q"))
    numbered: bytearray = field(default_factory=bytearray)
    hashes: "array[int]" = field(default_factory=lambda: array("Q"))
    hashed: bytearray = field(default_factory=bytearray)

    def noted(self, records: Iterable[ImageRecord]) -> Iterator[ImageRecord]:
        """Pass the records on and note what is needed of each."""
        seen: dict[tuple[int, ...], tuple[int, ...]] = {}
        for record in records:
            classes = shown_classes(record)
            self.ids.append(int(record.id, 16))
            self.shown.append(seen.setdefault(classes, classes))
            self.imported.append(_imported_subset(record))
            series = series_of(record)
            self.series.append(_number_of(series))
            self.numbered.append(numbers_something(series))
            self.hashes.append(int(record.phash or "0", 16))
            self.hashed.append(record.phash is not None)
            if self.group_by and self.group_by.by != "similar":
                self._note_group(record, self.group_by)
            yield record

    def _note_group(self, record: ImageRecord, group_by: GroupBy) -> None:
        group = group_of(record, group_by)
        self.groups.append(int(record.id, 16) if group is None else _number_of(group))
        self.grouped.append(group is not None)
        if group_by.by == "column":
            self.columns.update(columns_of(record))


def _imported_subset(record: ImageRecord) -> int:
    found = (record.meta or {}).get("subset")
    return SUBSETS.index(found) if found in SUBSETS else -1


@lru_cache(maxsize=1024)
def _number_of(text: str) -> int:
    """Return a number that stands for a text; of a million texts two share one in a case of ten million."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "backslashreplace"), digest_size=8).digest(), "big")


def _numbered(numbers: Sequence[int]) -> Codes:
    """Return numbers as codes from 0 without gaps."""
    return np.unique(np.array(numbers, dtype=np.uint64), return_inverse=True)[1].astype(np.int64)


def _coded(labels: Sequence[Any]) -> Coded:
    known = sorted(set(labels))
    place = {label: number for number, label in enumerate(known)}
    return Coded(np.fromiter(map(place.__getitem__, labels), dtype=np.int64, count=len(labels)), known)
