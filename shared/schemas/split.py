"""A split: which image of which dataset revision stands in which subset. Immutable."""

from datetime import datetime
from typing import Literal, Self

from pydantic import ConfigDict, Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from shared.schemas.base import Document, Model, Subset, utc_now

SplitStrategy = Literal["stratified", "random", "imported"]
MOST_FOLDS = 20


class Ratios(Model):
    """Shares of the images; they add to 1."""

    train: float = Field(default=0.8, gt=0, le=1)
    val: float = Field(default=0.1, ge=0, lt=1)
    test: float = Field(default=0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _adds_to_one(self) -> Self:
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train, val and test must add to 1; they add to {total:g}")
        return self


class GroupBy(Model):
    """Which images are alike and must stay in one subset, such as frames of one video or photos of one thing.

    By `filename`: those whose names, without ending, have the same first `parts` parts when cut at `separator`; a
    name of fewer parts counts as a whole. By `series`: those in folders of the same name whose names differ in their
    last number only. By `folder`: those that came from the same folder. By `column`: those with the same value in a
    column of the imported table; images without a value stand for themselves. By `similar`: near duplicates, and what
    a chain of them connects.
    """

    by: Literal["filename", "series", "folder", "column", "similar"]
    separator: str = Field(default="_", min_length=1, max_length=5)
    parts: int = Field(default=1, ge=1, le=20)
    column: str | None = Field(default=None, max_length=200)

    @model_validator(mode="after")
    def _names_a_column(self) -> Self:
        if self.by == "column" and not self.column:
            raise ValueError("name the column whose values say which images belong together")
        return self


class SplitRequest(Model):
    """How to split. The same request on the same revision always gives the same assignment.

    With `folds` = k there are k splits: the share of `test` is set aside and the same in all of them, and each of k
    equal parts of the other images is `val` in one of them, `train` in the others.
    """

    ratios: Ratios = Field(default_factory=Ratios)
    seed: int = Field(default=42, ge=0, le=2**32 - 1)
    strategy: SplitStrategy = "stratified"
    group_by: GroupBy | None = None
    folds: int | None = Field(default=None, ge=2, le=MOST_FOLDS)

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"ratios": {"train": 0.8, "val": 0.1, "test": 0.1}, "seed": 42, "strategy": "stratified"},
                {"strategy": "stratified", "group_by": {"by": "filename", "separator": "_", "parts": 2}},
                {"ratios": {"train": 0.8, "val": 0.0, "test": 0.2}, "strategy": "stratified", "folds": 5},
            ]
        }
    )

    @field_validator("group_by", "folds")
    @classmethod
    def _fits_strategy(cls, value: object, info: ValidationInfo) -> object:
        if value and info.data.get("strategy") == "imported":
            raise ValueError("images stay where the source had them; choose the stratified or the random strategy")
        return value


class SubsetSummary(Model):
    """How many images a subset has, and how many of them show each class.

    An image counts for every class it shows; one that shows none counts for its stratum, such as "60 to 80 m" or
    "(no object)".
    """

    count: int
    distribution: dict[str, int]


class LeakImage(Model):
    """One of two images that should not stand on different sides."""

    id: str
    filename: str
    subset: Subset


class LeakPair(Model):
    """Two images that are alike and stand in different subsets; of each leak one pair is shown."""

    kind: Literal["near_duplicate", "group"]
    first: LeakImage
    second: LeakImage
    distance: int | None = None
    """Bits in which the perceptual hashes of near duplicates differ, of 64."""
    group: str | None = None
    images: int
    """All images of this cluster or group."""
    fold: int | None = None
    """Where there are folds, one in which the two stand apart."""


class LeakReport(Model):
    """What would be learned from and judged by at once, so that metrics come out better than they are.

    Exact duplicates cannot leak: the same file twice is one image of the dataset, in one subset.
    """

    near_duplicates: int = 0
    """Clusters of near duplicates that stand in more than one subset."""
    near_duplicate_images: int = 0
    """All images of these clusters."""
    groups: int = 0
    """Series by file name, such as frames of a video, that stand in more than one subset."""
    group_images: int = 0
    """All images of these series."""
    unknown: int = 0
    """Images without a perceptual hash; whether they have near duplicates is not known."""
    pairs: list[LeakPair] = Field(default_factory=list)
    """Examples, at most a dozen of a kind."""

    @property
    def leaky(self) -> bool:
        """Whether there is any leak."""
        return bool(self.near_duplicates or self.groups)


class SplitFacts(Model):
    """What a preview and a split have in common: how it was asked for and what came of it."""

    ratios: Ratios | None = None
    """None where the subsets are as imported: no share was asked for."""
    seed: int | None = None
    """None where the subsets are as imported: nothing was drawn."""
    strategy: SplitStrategy
    group_by: GroupBy | None = None
    folds: int | None = None
    """Number of splits that are made together."""
    dataset_revision: int
    counts: dict[Subset, int]
    subsets: dict[Subset, SubsetSummary]
    groups: int | None = None
    """Number of groups, where images are kept together."""
    warnings: list[str]


class SplitPreview(SplitFacts):
    """What a request would give.

    With folds, `ratios`, `counts` and `subsets` are of the first, warnings and leaks of all together.
    """

    fold_counts: list[dict[Subset, int]] | None = None
    leaks: LeakReport


class Split(SplitFacts, Document):
    """`splits/<split_id>.json`."""

    id: str
    name: str = Field(min_length=1, max_length=80)
    fold: int | None = None
    """Which of the splits that were made together this one is, from 1."""
    leaks: LeakReport | None = None
    """None for a split that was made before leaks were looked for."""
    assignment: dict[Subset, list[str]]
    created_at: datetime = Field(default_factory=utc_now)
    _subsets: dict[str, Subset] = PrivateAttr(default_factory=dict)

    @property
    def leaky(self) -> bool:
        """Whether like images are known to stand on different sides."""
        return self.leaks is not None and self.leaks.leaky

    def subset_of(self, image_id: str) -> Subset | None:
        """Return the subset an image stands in; None for images added after the split was made."""
        if not self._subsets:
            self._subsets = {image: subset for subset, images in self.assignment.items() for image in images}
        return self._subsets.get(image_id)
