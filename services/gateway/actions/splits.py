"""Splits: preview, create, read, delete. Nothing changes one."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, NoReturn

import numpy as np
from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator

from services.gateway.actions import datasets, split_report, split_rows
from services.gateway.actions.projects import printable
from services.gateway.actions.split_report import Sides
from services.gateway.actions.split_rows import Codes, Rows
from services.gateway.studio import Studio
from shared.errors import Conflict, Invalid, NotFound, invalid_field
from shared.schemas.base import SUBSETS, Subset, new_id, utc_now
from shared.schemas.dataset import ImageRecord
from shared.schemas.split import LeakReport, Ratios, Split, SplitPreview, SplitRequest, SubsetSummary
from shared.store.paths import missing
from shared.taskkit.splitting import grouped, stratified

_LONGEST_NAME = 80
_SHOWN_WARNINGS = 5


def _addressable(name: str) -> str:
    """Return a name that can stand in an address and is not mistaken for an id."""
    if "/" in name or re.fullmatch("split-[0-9a-f]{8}", name.casefold()):
        raise ValueError("a name has no slash and does not look like the id of a split")
    return printable(name)


class NewSplit(SplitRequest):
    """A preview's request with a name to keep the result under; folds are kept as `<name>-1`, `<name>-2` and so on."""

    name: Annotated[str, Field(min_length=1, max_length=_LONGEST_NAME), AfterValidator(_addressable)]
    accept_leaks: bool = False
    """Keep the split although images that are alike stand on different sides; it and its results are marked."""

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

    @field_validator("name")
    @classmethod
    def _leaves_room(cls, value: str, info: ValidationInfo) -> str:
        longest = _LONGEST_NAME - len(f"-{info.data['folds']}") if info.data.get("folds") else _LONGEST_NAME
        if len(value) > longest:
            raise ValueError(f"may have {longest} characters, so that the number of the fold fits behind")
        return value


def listed(studio: Studio, project_id: str) -> list[Split]:
    """Return a project's splits, newest first; folds that were made together in their order."""
    studio.workspace.projects.get(project_id)
    found = studio.workspace.splits(project_id).list()
    return sorted(found, key=lambda item: (-item.created_at.timestamp(), item.fold or 0))


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
    made = _Made(studio, project_id, request)
    folds = [made.counts(fold) for fold in range(request.folds)] if request.folds else None
    facts = {**made.facts(), "warnings": made.warnings()}
    return SplitPreview(**facts, fold_counts=folds, leaks=made.leaks())


def create(studio: Studio, project_id: str, body: NewSplit) -> list[Split]:
    """Store a split, or one a fold: exactly what the preview of the same request shows.

    Raises:
        Conflict: the name of any is taken, or images that are alike would stand on different sides and nobody said
            that this is accepted.
    """
    made = _Made(studio, project_id, body)
    leaks = made.leaks()
    if leaks.leaky and not body.accept_leaks:
        raise Conflict(
            "split_leaks",
            " ".join(["Images that are alike would stand on different sides.", *split_report.told(leaks)]),
            hint="Keep alike images together, or accept the leaks: the split and its results are then marked.",
        )
    if body.folds is None:
        splits = [made.split(body.name, leaks)]
    else:
        now = utc_now()
        splits = [made.split(f"{body.name}-{fold + 1}", made.leaks(fold), fold, now) for fold in range(body.folds)]
    studio.workspace.splits(project_id).create_all(splits)
    return splits


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


class _Made:
    """What comes of a request."""

    def __init__(self, studio: Studio, project_id: str, request: SplitRequest) -> None:
        self._store = datasets.store(studio, project_id)
        self._head = self._store.head()
        task = studio.workspace.projects.get(project_id).task
        self._rows = split_rows.rows(self._store, self._head.revision, task, request.group_by)
        self._request = request.model_copy(update={"ratios": _ratios(request)})
        self._sides = Sides(_places(self._rows, request), request.folds)

    def counts(self, fold: int = 0) -> dict[Subset, int]:
        """Return how many images stand in each subset."""
        found = np.bincount(self._sides.subsets(fold), minlength=len(SUBSETS))
        return dict(zip(SUBSETS, found.tolist(), strict=True))

    def leaks(self, fold: int | None = None) -> LeakReport:
        """Return what stands on both sides in a fold, or in any."""
        sides = self._sides if fold is None else Sides(self._sides.subsets(fold))
        return split_report.leaks(self._rows, sides, self._request, self._record)

    def warnings(self) -> list[str]:
        """Return what a person may not want, with folds in any of them."""
        first: list[str] = self.facts()["warnings"]
        others = [
            f"Fold {fold + 1}: {text}"
            for fold in range(1, self._request.folds or 0)
            for text in self.facts(fold)["warnings"]
            if text not in first
        ]
        more = [f"{len(others) - _SHOWN_WARNINGS} more warnings of other folds."] if others[_SHOWN_WARNINGS:] else []
        return [*first, *others[:_SHOWN_WARNINGS], *more]

    def facts(self, fold: int = 0) -> dict[str, Any]:
        """Return what preview and split have in common."""
        counts, rows, request = self.counts(fold), self._rows, self._request
        classes = split_report.distribution(rows, self._sides.subsets(fold), self._head.targets)
        unused = {"ratios": None, "seed": None} if request.strategy == "imported" else {}
        return {
            **{name: getattr(request, name) for name in SplitRequest.model_fields},
            **unused,
            "dataset_revision": self._head.revision,
            "counts": counts,
            "subsets": {
                subset: SubsetSummary(count=counts[subset], distribution=classes[subset]) for subset in SUBSETS
            },
            "groups": len(np.unique(rows.groups_of(request.group_by))) if request.group_by else None,
            "warnings": split_report.warnings(rows, request, counts, classes, self._record),
        }

    def split(self, name: str, leaks: LeakReport, fold: int = 0, now: datetime | None = None) -> Split:
        """Return the split, with folds one of them, all of the same moment."""
        subsets, keys = self._sides.subsets(fold), self._rows.keys
        return Split(
            **self.facts(fold),
            id=new_id("split"),
            name=name,
            fold=fold + 1 if self._request.folds else None,
            leaks=leaks,
            created_at=now or utc_now(),
            assignment={
                subset: [f"{key:016x}" for key in keys[subsets == place].tolist()]
                for place, subset in enumerate(SUBSETS)
            },
        )

    def _record(self, place: int) -> ImageRecord:
        found = self._store.index().record(f"{int(self._rows.keys[place]):016x}")
        return ImageRecord.model_validate_json(found)


def _ratios(request: SplitRequest) -> Ratios:
    """Return the shares of each split; with folds they follow from their number."""
    if request.folds is None:
        return request.ratios
    rest = 1 - request.ratios.test
    return Ratios(train=rest * (1 - 1 / request.folds), val=rest / request.folds, test=request.ratios.test)


def _places(rows: Rows, request: SplitRequest) -> Codes:
    """Return the part in which each image stands; see `Sides`."""
    if request.strategy == "imported":
        return _as_imported(rows)
    group_by, ratios = request.group_by, _parts(request)
    strata = rows.strata.codes if request.strategy == "stratified" else np.zeros(len(rows.keys), dtype=np.int64)
    if group_by is None:
        return stratified(rows.keys, strata, ratios, request.seed)
    if group_by.by == "column" and not rows.grouped.any():
        _refuse_column(group_by.column or "", rows.columns)
    return grouped(rows.keys, strata, rows.groups_of(group_by), ratios, request.seed)


def _parts(request: SplitRequest) -> list[float]:
    """Return the shares of the subsets, or of the folds and the test images."""
    if request.folds is None:
        return [getattr(request.ratios, subset) for subset in SUBSETS]
    return [*[(1 - request.ratios.test) / request.folds] * request.folds, request.ratios.test]


def _as_imported(rows: Rows) -> Codes:
    if not np.any(rows.imported >= 0):
        raise Invalid(
            "no_imported_subsets",
            "The imported files had no train, val or test folders.",
            hint="Choose the stratified or the random strategy.",
        )
    return np.maximum(rows.imported, 0)


def _refuse_column(name: str, known: Iterable[str]) -> NoReturn:
    shown = ", ".join(sorted(known)[:20])
    raise invalid_field(
        "group_by.column",
        f"no image has a value in a column {name[:60]!r}",
        code="column_not_found",
        hint=f"There are: {shown}." if shown else "The import read no columns.",
    )
