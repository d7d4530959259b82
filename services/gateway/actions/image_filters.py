"""What a person asks of the list of images, and the query of the index that answers it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from services.gateway.studio import Studio
from shared.errors import NotFound, invalid_field
from shared.schemas.base import Model, Subset
from shared.schemas.dataset import DatasetHead, Problem
from shared.store.datasets import DatasetStore
from shared.store.imports import ImportStore
from shared.store.index_query import ImageQuery, Measure, SortKey, Span

MEASURES: tuple[Measure, ...] = ("width", "height", "aspect", "annotations", "brightness")
ANY_PROBLEM = "any"
_MOST_PROBLEMS = 20_000
_SHOWN_OF_A_KIND = 20
Least = Annotated[float | None, Field(ge=0, le=1e9)]


class Filters(Model):
    """Names, not ids; None means any. Both ends of a span are included."""

    class_name: str | None = Field(default=None, alias="class")
    label_state: Literal["labelled", "unlabelled"] | None = None
    split: str | None = None
    subset: Subset | Literal["unassigned"] | None = None
    problem: str | None = None
    format: str | None = None
    min_width: Least = None
    max_width: Least = None
    min_height: Least = None
    max_height: Least = None
    min_aspect: Least = None
    max_aspect: Least = None
    min_annotations: Least = None
    max_annotations: Least = None
    min_brightness: Least = None
    max_brightness: Least = None
    search: str | None = Field(default=None, max_length=200)
    sort_by: SortKey = "filename"
    sort_order: Literal["asc", "desc"] = "asc"

    model_config = ConfigDict(populate_by_name=True, frozen=True)

    def given(self) -> dict[str, str]:
        """Return filters as they stand in an address; what is as usual is left out."""
        found = self.model_dump(by_alias=True, exclude_defaults=True)
        return {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in found.items()}

    @property
    def spans(self) -> tuple[Span, ...]:
        """The restrictions of numbers."""
        ends = ((name, getattr(self, f"min_{name}"), getattr(self, f"max_{name}")) for name in MEASURES)
        return tuple(Span(name, low, high) for name, low, high in ends if (low, high) != (None, None))


def query(studio: Studio, dataset: DatasetStore, filters: Filters) -> ImageQuery:
    """Return filters as a query of the index.

    Raises:
        NotFound: the split does not exist.
        Invalid: the class does not exist, or the search has a character that no file name has.
    """
    if "\0" in (filters.search or ""):
        raise invalid_field("search", "file names have no NUL character")
    head = dataset.head()
    split = studio.workspace.splits(head.project_id).named(filters.split) if filters.split else None
    return ImageQuery(
        class_id=_class_id(head, filters.class_name),
        labelled=None if filters.label_state is None else filters.label_state == "labelled",
        split=split,
        subset=filters.subset,
        search=filters.search,
        format=filters.format,
        spans=filters.spans,
        files=None if filters.problem is None else _files(dataset, head, filters.problem),
        sort_by=filters.sort_by,
        descending=filters.sort_order == "desc",
    )


@dataclass(frozen=True)
class MetProblems:
    """Problems of one kind that the last import met: the first of them, and the files that have it.

    `images` tells how many of the dataset have it; files that were left out are none.
    """

    code: str
    count: int
    first: list[Problem]
    files: frozenset[str]
    images: int = 0

    @property
    def is_error(self) -> bool:
        """Whether what has it was left out."""
        return self.first[0].severity == "error"


def met_problems(dataset: DatasetStore, head: DatasetHead) -> list[MetProblems]:
    """Return the kinds of problems the last import met, errors first; of very many problems the first are counted."""
    if head.last_import is None:
        return []
    images = _images(dataset.folder, head.revision, head.last_import.job_id)
    kinds = [replace(kind, images=images[kind.code]) for kind in _met(dataset.folder, head.last_import.job_id).values()]
    return sorted(kinds, key=lambda kind: (not kind.is_error, kind.code))


def _files(dataset: DatasetStore, head: DatasetHead, code: str) -> frozenset[str]:
    kinds = _met(dataset.folder, head.last_import.job_id).values() if head.last_import else ()
    return frozenset().union(*(kind.files for kind in kinds if code in (ANY_PROBLEM, kind.code)))


@lru_cache(maxsize=32)
def _images(folder: Path, revision: int, job_id: str) -> Mapping[str, int]:
    """Return how many images of the newest revision have each kind; `revision` tells when to count again."""
    index = DatasetStore(folder).index()
    return {
        code: index.page(ImageQuery(files=kind.files), 1, 1)[0] if kind.files else 0
        for code, kind in _met(folder, job_id).items()
    }


@lru_cache(maxsize=32)
def _met(folder: Path, job_id: str) -> Mapping[str, MetProblems]:
    """Return the problems of an import by their codes; what an import met never changes."""
    found: dict[str, list[Problem]] = {}
    with suppress(NotFound):
        for item in islice(ImportStore(folder).problems(job_id), _MOST_PROBLEMS):
            found.setdefault(item.code, []).append(item)
    return {
        code: MetProblems(
            code, len(items), items[:_SHOWN_OF_A_KIND], frozenset(item.file for item in items if item.file)
        )
        for code, items in found.items()
    }


def _class_id(found: DatasetHead, name: str | None) -> int | None:
    if name is None:
        return None
    for item in found.classes:
        if item.name == name:
            return item.id
    raise invalid_field("class", f"the dataset has no class {name[:60]!r}", code="class_not_found")
