"""A split: which image of which dataset revision stands in which subset. Immutable."""

from datetime import datetime
from typing import Literal, Self

from pydantic import ConfigDict, Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from shared.schemas.base import Document, Model, Subset, utc_now

SplitStrategy = Literal["stratified", "random", "imported"]


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
    name of fewer parts counts as a whole. By `folder`: those that came from the same folder.
    """

    by: Literal["filename", "folder"]
    separator: str = Field(default="_", min_length=1, max_length=5)
    parts: int = Field(default=1, ge=1, le=20)


class SplitRequest(Model):
    """How to split. The same request on the same revision always gives the same assignment."""

    ratios: Ratios = Field(default_factory=Ratios)
    seed: int = Field(default=42, ge=0, le=2**32 - 1)
    strategy: SplitStrategy = "stratified"
    group_by: GroupBy | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"ratios": {"train": 0.8, "val": 0.1, "test": 0.1}, "seed": 42, "strategy": "stratified"},
                {"strategy": "stratified", "group_by": {"by": "filename", "separator": "_", "parts": 2}},
            ]
        }
    )

    @field_validator("group_by")
    @classmethod
    def _fits_strategy(cls, value: GroupBy | None, info: ValidationInfo) -> GroupBy | None:
        if value and info.data.get("strategy") == "imported":
            raise ValueError("images stay where the source had them; choose the stratified or the random strategy")
        return value


class SubsetSummary(Model):
    """How many images a subset has, and how many of them show each class.

    An image counts for every class it shows; one that shows none counts for its stratum, such as "60 to 80" or
    "(no object)".
    """

    count: int
    distribution: dict[str, int]


class SplitPreview(SplitRequest):
    """What a request would give."""

    dataset_revision: int
    counts: dict[Subset, int]
    subsets: dict[Subset, SubsetSummary]
    groups: int | None = None
    """Number of groups, where images are kept together."""
    warnings: list[str]


class Split(Document):
    """`splits/<split_id>.json`."""

    id: str
    name: str = Field(min_length=1, max_length=80)
    ratios: Ratios
    seed: int
    strategy: SplitStrategy
    group_by: GroupBy | None = None
    dataset_revision: int
    counts: dict[Subset, int]
    subsets: dict[Subset, SubsetSummary]
    groups: int | None = None
    """Number of groups, where images are kept together."""
    warnings: list[str]
    assignment: dict[Subset, list[str]]
    created_at: datetime = Field(default_factory=utc_now)
    _subsets: dict[str, Subset] = PrivateAttr(default_factory=dict)

    def subset_of(self, image_id: str) -> Subset | None:
        """Return the subset an image stands in; None for images added after the split was made."""
        if not self._subsets:
            self._subsets = {image: subset for subset, images in self.assignment.items() for image in images}
        return self._subsets.get(image_id)
