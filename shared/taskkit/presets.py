"""Presets: a person's intent as changes of an architecture's own defaults. Data; a task may add its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from shared.taskkit.parameters import TrainParams

if TYPE_CHECKING:
    from shared.taskkit.spec import Architecture, TaskSpec


@dataclass(frozen=True, slots=True)
class Preset:
    """One intent. What it does not name has the architecture's default."""

    id: str
    label: str
    help: str
    params: Mapping[str, Any] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)
    """Numbers that are multiplied instead, then rounded and kept within the bounds of the parameter."""

    @property
    def names(self) -> set[str]:
        """What it changes."""
        return {*self.params, *self.factors}


PRESETS: tuple[Preset, ...] = (
    Preset(
        "quick",
        "Quick look",
        "A few epochs on small images: whether it learns at all.",
        {"warmup_epochs": 0},
        {"epochs": 0.15, "image_size": 0.5},
    ),
    Preset("balanced", "Balanced", "The defaults of the architecture."),
    Preset(
        "best",
        "Best",
        "Three times as long, on larger images: for the model that is kept.",
        {"warmup_epochs": 3},
        {"epochs": 3, "image_size": 1.25},
    ),
)


def preset_params(spec: "TaskSpec", architecture: "Architecture", preset: Preset) -> dict[str, Any]:
    """Return a value for every parameter that any preset of the task changes.

    Args:
        spec: of the task.
        architecture: whose defaults are meant.
        preset: what is wanted.
    """
    schema = _properties(spec.params)
    defaults = spec.defaults(architecture)
    made = {name: defaults[name] for item in spec.presets for name in item.names}
    made.update(preset.params)
    for name, factor in preset.factors.items():
        low, high = _bounds(schema[name], architecture.image_sizes if name == _SIZE else None)
        made[name] = _scaled(defaults[name] * factor, schema[name], low, high)
    return made


_SIZE = "image_size"


@lru_cache(maxsize=32)
def _properties(model: type[TrainParams]) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = model.model_json_schema()["properties"]
    return properties


def _bounds(given: Mapping[str, Any], sizes: tuple[int, int] | None) -> tuple[float, float]:
    low, high = given.get("minimum", float("-inf")), given.get("maximum", float("inf"))
    return (low, high) if sizes is None else (max(low, sizes[0]), min(high, sizes[1]))


def _scaled(value: float, given: Mapping[str, Any], low: float, high: float) -> float:
    if given.get("type") != "integer":
        return min(max(value, low), high)
    unit = given.get("multipleOf", 1)
    return int(min(max(round(value / unit) * unit, low), high))
