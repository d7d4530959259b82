"""Splits: preview, create, read, delete. Nothing changes one."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, ConfigDict, Field

from services.gateway.actions import datasets
from services.gateway.actions.projects import printable
from services.gateway.studio import Studio
from shared.errors import Conflict, Invalid, NotFound
from shared.schemas.base import SUBSETS, Subset, new_id
from shared.schemas.dataset import ImageRecord
from shared.schemas.split import GroupBy, Split, SplitPreview, SplitRequest, SubsetSummary
from shared.store.paths import missing
from shared.taskkit import registry
from shared.taskkit.splitting import grouped, stratified
from shared.taskkit.strata import group_of, natural, shown_classes

Assignment = dict[Subset, list[str]]


class NewSplit(SplitRequest):
    """A preview's request with a name to keep the result under."""

    name: Annotated[str, Field(min_length=1, max_length=80), AfterValidator(printable)]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "80-10-10",
                    "ratios": {"train": 0.8, "val": 0.1, "test": 0.1},
                    "seed": 42,
                    "strategy": "stratified",
                }
            ]
        }
    )


def listed(studio: Studio, project_id: str) -> list[Split]:
    """Return a project's splits, newest first."""
    studio.workspace.projects.get(project_id)
    return studio.workspace.splits(project_id).list()


def get(studio: Studio, project_id: str, name: str) -> Split:
    """Return a split by name or id.

    Raises:
        NotFound: there is none.
    """
    studio.workspace.projects.get(project_id)
    store = studio.workspace.splits(project_id)
    try:
        return store.named(name)
    except NotFound:
        for split in store.list():
            if split.id == name:
                return split
        raise missing("split", name) from None


def preview(studio: Studio, project_id: str, request: SplitRequest) -> SplitPreview:
    """Return what a request would give; stores nothing."""
    made = _make(studio, project_id, request, "preview")
    return SplitPreview(
        ratios=made.ratios,
        seed=made.seed,
        strategy=made.strategy,
        group_by=made.group_by,
        dataset_revision=made.dataset_revision,
        counts=made.counts,
        subsets=made.subsets,
        groups=made.groups,
        warnings=made.warnings,
    )


def create(studio: Studio, project_id: str, body: NewSplit) -> Split:
    """Store a split: exactly what the preview of the same request shows."""
    made = _make(studio, project_id, body, body.name)
    return studio.workspace.splits(project_id).create(made)


def delete(studio: Studio, project_id: str, name: str) -> None:
    """Remove a split.

    Raises:
        Conflict: an experiment uses it.
    """
    split = get(studio, project_id, name)
    for experiment in studio.workspace.experiments(project_id).list():
        if experiment.configuration.split_id == split.id:
            raise Conflict(
                "split_is_in_use",
                f"The experiment {experiment.name!r} uses this split.",
                hint="Delete the experiment first.",
            )
    studio.workspace.splits(project_id).delete(split.id)


@dataclass
class _Images:
    """What a split needs to know of the images, in order of import. Records themselves would not fit into memory."""

    group_by: GroupBy | None
    ids: list[str] = field(default_factory=list)
    shown: list[tuple[int, ...]] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    imported: list[Subset | None] = field(default_factory=list)
    strata: list[str] = field(default_factory=list)

    def noted(self, records: Iterable[ImageRecord]) -> Iterator[ImageRecord]:
        """Pass the records on and note what is needed of each."""
        seen: dict[Any, Any] = {}
        for record in records:
            classes = shown_classes(record)
            self.ids.append(record.id)
            self.shown.append(seen.setdefault(classes, classes))
            self.imported.append(_imported_subset(record))
            if self.group_by:
                group = group_of(record, self.group_by)
                self.groups.append(seen.setdefault(group, group))
            yield record


def _make(studio: Studio, project_id: str, request: SplitRequest, name: str) -> Split:
    head = datasets.head(studio, project_id)
    project = studio.workspace.projects.get(project_id)
    names = {item.id: item.name for item in head.classes}
    images = _Images(request.group_by)
    records = images.noted(studio.workspace.dataset(project_id).records(head.revision))
    images.strata = registry.spec(project.task).strata(records, names)
    places = _STRATEGIES[request.strategy](images, request)
    assignment: Assignment = {subset: [] for subset in SUBSETS}
    for image, place in zip(images.ids, places, strict=True):
        assignment[place].append(image)
    counts: dict[Subset, int] = {subset: len(assignment[subset]) for subset in SUBSETS}
    distribution = _distribution(images, places, names)
    return Split(
        id=new_id("split"),
        name=name,
        ratios=request.ratios,
        seed=request.seed,
        strategy=request.strategy,
        group_by=request.group_by,
        dataset_revision=head.revision,
        counts=counts,
        subsets={subset: SubsetSummary(count=counts[subset], distribution=distribution[subset]) for subset in SUBSETS},
        groups=len(set(images.groups)) if request.group_by else None,
        warnings=[
            *_warnings(counts, distribution, request),
            *_imported_warnings(images.imported, request),
            *_group_warnings(images.groups, request),
        ],
        assignment=assignment,
    )


def _distribution(images: _Images, places: list[Subset], names: Mapping[int, str]) -> dict[Subset, dict[str, int]]:
    """Count in each subset the images that show a class; those that show none count for their stratum."""
    found: dict[Subset, Counter[str]] = {subset: Counter() for subset in SUBSETS}
    for shown, stratum, place in zip(images.shown, images.strata, places, strict=True):
        found[place].update([names[class_id] for class_id in shown] or [stratum])
    order = sorted(set().union(*found.values()), key=natural)
    return {subset: {label: counted[label] for label in order} for subset, counted in found.items()}


def _by_ratio(images: _Images, strata: list[str], request: SplitRequest) -> list[Subset]:
    ratios = [getattr(request.ratios, subset) for subset in SUBSETS]
    if request.group_by:
        places = grouped(images.ids, _codes(strata), _codes(images.groups), ratios, request.seed)
    else:
        places = stratified(images.ids, _codes(strata), ratios, request.seed)
    return [SUBSETS[place] for place in places]


def _codes(labels: list[str]) -> npt.NDArray[np.int64]:
    """Return labels as numbers from 0 without gaps."""
    number = {label: place for place, label in enumerate(sorted(set(labels)))}
    return np.array([number[label] for label in labels], dtype=np.int64)


def _stratified(images: _Images, request: SplitRequest) -> list[Subset]:
    return _by_ratio(images, images.strata, request)


def _random(images: _Images, request: SplitRequest) -> list[Subset]:
    return _by_ratio(images, ["" for _ in images.ids], request)


def _as_imported(images: _Images, _request: SplitRequest) -> list[Subset]:
    if not any(images.imported):
        raise Invalid(
            "no_imported_subsets",
            "The imported files had no train, val or test folders.",
            hint="Choose the stratified or the random strategy.",
        )
    return [place or "train" for place in images.imported]


Strategy = Callable[[_Images, SplitRequest], list[Subset]]
_STRATEGIES: Mapping[str, Strategy] = {"stratified": _stratified, "random": _random, "imported": _as_imported}


def _imported_subset(record: ImageRecord) -> Subset | None:
    found = (record.meta or {}).get("subset")
    return next((subset for subset in SUBSETS if subset == found), None)


def _warnings(
    counts: Mapping[Subset, int], distribution: Mapping[Subset, Mapping[str, int]], request: SplitRequest
) -> list[str]:
    warnings = []
    for subset in SUBSETS:
        wanted = request.strategy == "imported" or getattr(request.ratios, subset) > 0
        if wanted and counts[subset] == 0:
            warnings.append(f"{subset} is empty.")
        elif absent := [name for name, count in distribution[subset].items() if not count and counts[subset]]:
            shown = ", ".join(absent[:5]) + (f" and {len(absent) - 5} more" if len(absent) > 5 else "")
            warnings.append(f"{subset} has no image of {shown}.")
    return warnings


def _imported_warnings(imported: list[Subset | None], request: SplitRequest) -> list[str]:
    loose = sum(place is None for place in imported)
    if request.strategy != "imported" or loose == 0:
        return []
    return [f"{loose} images came without a subset and stand in train."]


def _group_warnings(groups: list[str], request: SplitRequest) -> list[str]:
    """Say what the groups make impossible. Only the smallest share that the largest group exceeds is named."""
    sizes = Counter(groups)
    wanted = {subset: share for subset in SUBSETS if (share := getattr(request.ratios, subset)) > 0}
    if not sizes:
        return []
    warnings = []
    if len(sizes) < len(wanted):
        warnings.append(f"There are fewer groups ({len(sizes)}) than subsets ({len(wanted)}).")
    largest, size = min(sizes.items(), key=lambda item: (-item[1], natural(item[0])))
    subset = min(wanted, key=lambda item: wanted[item])
    if size > (share := wanted[subset] * len(groups)):
        warnings.append(
            f"The largest group, {largest!r}, has {size} images, more than the share of {subset} ({share:.0f})."
            " Shares are kept as well as whole groups allow."
        )
    return warnings
