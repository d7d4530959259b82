"""What a person asks of the list of images, and the query of the index that answers it."""

from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from services.gateway.studio import Studio
from shared.errors import NotFound, invalid_field
from shared.schemas.base import Model, Subset
from shared.schemas.dataset import DatasetHead
from shared.store.datasets import DatasetStore
from shared.store.imports import ImportStore
from shared.store.index_query import ImageQuery, Measure, SortKey, Span

MEASURES: tuple[Measure, ...] = ("width", "height", "aspect", "annotations", "brightness")
ANY_PROBLEM = "any"
_MOST_PROBLEMS = 20_000
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


def problem_codes(dataset: DatasetStore, head: DatasetHead) -> dict[str, int]:
    """Return the kinds of problems the last import met with single files, and how many files have each."""
    return {code: len(files) for code, files in sorted(_problem_files(dataset, head).items())}


def _files(dataset: DatasetStore, head: DatasetHead, code: str) -> frozenset[str]:
    found = _problem_files(dataset, head)
    return frozenset().union(*found.values()) if code == ANY_PROBLEM else found.get(code, frozenset())


def _problem_files(dataset: DatasetStore, head: DatasetHead) -> Mapping[str, frozenset[str]]:
    return _files_by_code(dataset.folder, head.last_import.job_id) if head.last_import else {}


@lru_cache(maxsize=32)
def _files_by_code(folder: Path, job_id: str) -> Mapping[str, frozenset[str]]:
    """Return the files with problems by the problems' codes; what an import met never changes."""
    found: dict[str, set[str]] = {}
    with suppress(NotFound):
        for item in islice(ImportStore(folder).problems(job_id), _MOST_PROBLEMS):
            if item.file:
                found.setdefault(item.code, set()).add(item.file)
    return {code: frozenset(files) for code, files in found.items()}


def _class_id(found: DatasetHead, name: str | None) -> int | None:
    if name is None:
        return None
    for item in found.classes:
        if item.name == name:
            return item.id
    raise invalid_field("class", f"the dataset has no class {name[:60]!r}", code="class_not_found")
