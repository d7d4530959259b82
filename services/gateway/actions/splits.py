"""Splits: preview, create, read, delete. Nothing changes one."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, ConfigDict, Field

from services.gateway.actions import datasets
from services.gateway.actions.projects import printable
from services.gateway.studio import Studio
from shared.errors import Conflict, Invalid, NotFound
from shared.schemas.base import SUBSETS, Subset, new_id
from shared.schemas.dataset import ImageRecord
from shared.schemas.split import Split, SplitPreview, SplitRequest, SubsetSummary
from shared.store.paths import missing
from shared.taskkit import registry
from shared.taskkit.splitting import stratified

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
        dataset_revision=made.dataset_revision,
        counts=made.counts,
        subsets=made.subsets,
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


def _make(studio: Studio, project_id: str, request: SplitRequest, name: str) -> Split:
    head = datasets.head(studio, project_id)
    project = studio.workspace.projects.get(project_id)
    names = {item.id: item.name for item in head.classes}
    stratum_of = registry.spec(project.task).stratum
    images, strata, imported = [], [], []
    for record in studio.workspace.dataset(project_id).records(head.revision):
        images.append(record.id)
        strata.append(stratum_of(record, names))
        imported.append(_imported_subset(record))
    places = _STRATEGIES[request.strategy](images, strata, imported, request)
    assignment: Assignment = {subset: [] for subset in SUBSETS}
    distribution: dict[Subset, Counter[str]] = {subset: Counter() for subset in SUBSETS}
    for image, stratum, place in zip(images, strata, places, strict=True):
        assignment[place].append(image)
        distribution[place][stratum] += 1
    counts: dict[Subset, int] = {subset: len(assignment[subset]) for subset in SUBSETS}
    order = sorted(set(strata))
    return Split(
        id=new_id("split"),
        name=name,
        ratios=request.ratios,
        seed=request.seed,
        strategy=request.strategy,
        dataset_revision=head.revision,
        counts=counts,
        subsets={
            subset: SubsetSummary(
                count=counts[subset], distribution={label: distribution[subset][label] for label in order}
            )
            for subset in SUBSETS
        },
        warnings=[*_warnings(counts, distribution, request), *_imported_warnings(imported, request)],
        assignment=assignment,
    )


def _by_ratio(images: list[str], strata: list[str], request: SplitRequest) -> list[Subset]:
    codes = np.unique(strata, return_inverse=True)[1] if strata else np.empty(0)
    ratios = [getattr(request.ratios, subset) for subset in SUBSETS]
    places = stratified(images, codes.astype(np.int64), ratios, request.seed)
    return [SUBSETS[place] for place in places]


def _stratified(
    images: list[str], strata: list[str], _imported: list[Subset | None], request: SplitRequest
) -> list[Subset]:
    return _by_ratio(images, strata, request)


def _random(
    images: list[str], strata: list[str], _imported: list[Subset | None], request: SplitRequest
) -> list[Subset]:
    return _by_ratio(images, ["" for _ in strata], request)


def _as_imported(
    _images: list[str], _strata: list[str], imported: list[Subset | None], _request: SplitRequest
) -> list[Subset]:
    if not any(imported):
        raise Invalid(
            "no_imported_subsets",
            "The imported files had no train, val or test folders.",
            hint="Choose the stratified or the random strategy.",
        )
    return [place or "train" for place in imported]


Strategy = Callable[[list[str], list[str], list[Subset | None], SplitRequest], list[Subset]]
_STRATEGIES: Mapping[str, Strategy] = {"stratified": _stratified, "random": _random, "imported": _as_imported}


def _imported_subset(record: ImageRecord) -> Subset | None:
    found = (record.meta or {}).get("subset")
    return next((subset for subset in SUBSETS if subset == found), None)


def _warnings(
    counts: Mapping[Subset, int], distribution: Mapping[Subset, Counter[str]], request: SplitRequest
) -> list[str]:
    warnings = []
    every = sorted(set().union(*distribution.values()))
    for subset in SUBSETS:
        wanted = request.strategy == "imported" or getattr(request.ratios, subset) > 0
        if wanted and counts[subset] == 0:
            warnings.append(f"{subset} is empty.")
        elif absent := [name for name in every if not distribution[subset][name] and counts[subset]]:
            shown = ", ".join(absent[:5]) + (f" and {len(absent) - 5} more" if len(absent) > 5 else "")
            warnings.append(f"{subset} has no image of {shown}.")
    return warnings


def _imported_warnings(imported: list[Subset | None], request: SplitRequest) -> list[str]:
    loose = sum(place is None for place in imported)
    if request.strategy != "imported" or loose == 0:
        return []
    return [f"{loose} images came without a subset and stand in train."]
