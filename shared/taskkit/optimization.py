"""Parameters of how weights are changed: optimizer, learning rate over time, size of an update."""

from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from shared.schemas.base import Model
from shared.taskkit.forms import form

_WITH_MOMENTUM = {"optimizer": "sgd"}
_BY_STEPS = ["step", "multistep"]
_WITH_WARMUP = ["cosine", "step", "multistep", "polynomial", "plateau", "none"]


class Optimization(Model):
    """Mixed into the parameters of all tasks; checks that need `epochs` find it among the fields before these."""

    optimizer: Literal["adamw", "adam", "sgd"] = Field(
        "adamw",
        title="Optimizer",
        description="AdamW is the safe choice; SGD wants a larger learning rate.",
        json_schema_extra=form("Optimization", labels={"adamw": "AdamW", "adam": "Adam", "sgd": "SGD"}),
    )
    learning_rate: float = Field(
        1e-3,
        gt=0,
        le=10,
        title="Learning rate",
        description="Size of a step, at the top of the schedule.",
        json_schema_extra=form("Optimization"),
    )
    weight_decay: float = Field(
        0.01,
        ge=0,
        le=1,
        title="Weight decay",
        description="Pulls weights towards zero; works against overfitting.",
        json_schema_extra=form("Optimization"),
    )
    momentum: float = Field(
        0.9,
        ge=0,
        lt=1,
        title="Momentum",
        description="How much of the last step is kept in the next.",
        json_schema_extra=form("Optimization", when=_WITH_MOMENTUM),
    )
    nesterov: bool = Field(
        False,
        title="Nesterov momentum",
        description="Looks ahead along the last step before it takes the next. Needs momentum above 0.",
        json_schema_extra=form("Optimization", when=_WITH_MOMENTUM),
    )
    accumulate: int = Field(
        1,
        ge=1,
        le=1024,
        title="Batches per update",
        description="Gradients of so many batches are added up before the weights change: a larger batch in less "
        "memory. Batch-norm still sees one batch at a time.",
        json_schema_extra=form("Optimization", unit="batches"),
    )
    clip_norm: float = Field(
        0.0,
        ge=0,
        le=1000,
        title="Gradient clipping",
        description="Longest gradient, as the norm over all weights; a longer one is shortened to it. 0 is off.",
        json_schema_extra=form("Optimization"),
    )
    ema: bool = Field(
        False,
        title="Average the weights (EMA)",
        description="Keep a moving average of the weights and use it for validation and the finished model. "
        "Often a little better, and steadier from epoch to epoch.",
        json_schema_extra=form("Optimization"),
    )
    ema_decay: float = Field(
        0.999,
        ge=0,
        lt=1,
        title="Decay of the average",
        description="How much of the average is kept at an update; it rises to this from 0.1 as updates go by.",
        json_schema_extra=form("Optimization", when={"ema": True}),
    )
    scheduler: Literal["cosine", "step", "multistep", "polynomial", "one_cycle", "plateau", "none"] = Field(
        "cosine",
        title="Learning rate schedule",
        description="How the learning rate falls. Cosine, polynomial and one-cycle end near zero with the last epoch; "
        "plateau lowers it when the key metric stops improving.",
        json_schema_extra=form(
            "Schedule",
            labels={"step": "Every few epochs", "multistep": "At given epochs", "one_cycle": "One-cycle"},
        ),
    )
    warmup_epochs: int = Field(
        1,
        ge=0,
        le=50,
        title="Warm-up",
        description="Epochs over which the learning rate rises to its top; half of the training at most.",
        json_schema_extra=form("Schedule", unit="epochs", when={"scheduler": _WITH_WARMUP}),
    )
    one_cycle_rise: float = Field(
        0.3,
        ge=0.05,
        le=0.95,
        title="Rising part",
        description="Share of the training in which the learning rate rises: the warm-up of one-cycle.",
        json_schema_extra=form("Schedule", when={"scheduler": "one_cycle"}),
    )
    step_size: int = Field(
        10,
        ge=1,
        le=1000,
        title="Lower every",
        description="Epochs after which the learning rate is multiplied by the factor, again and again.",
        json_schema_extra=form("Schedule", unit="epochs", when={"scheduler": "step"}),
    )
    milestones: list[int] = Field(
        [],
        max_length=20,
        title="Lower after epochs",
        description="Ascending, such as 30, 60: after each the learning rate is multiplied by the factor. "
        "Empty: after half and after three quarters of the epochs.",
        json_schema_extra=form("Schedule", when={"scheduler": "multistep"}),
    )
    gamma: float = Field(
        0.1,
        gt=0,
        lt=1,
        title="Factor",
        description="What the learning rate is multiplied by each time it is lowered.",
        json_schema_extra=form("Schedule", when={"scheduler": _BY_STEPS}),
    )
    power: float = Field(
        1.0,
        gt=0,
        le=10,
        title="Power",
        description="1 falls in a line; more falls faster at first.",
        json_schema_extra=form("Schedule", when={"scheduler": "polynomial"}),
    )
    plateau_patience: int = Field(
        5,
        ge=0,
        le=1000,
        title="Epochs without improvement",
        description="How many the key metric may go without a new best before the learning rate is lowered; without "
        "val images the train loss.",
        json_schema_extra=form("Schedule", unit="epochs", when={"scheduler": "plateau"}),
    )
    plateau_factor: float = Field(
        0.1,
        gt=0,
        lt=1,
        title="Factor at a plateau",
        description="What the learning rate is multiplied by when the key metric stops improving.",
        json_schema_extra=form("Schedule", when={"scheduler": "plateau"}),
    )

    @field_validator("nesterov")
    @classmethod
    def _needs_momentum(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("optimizer") == "sgd" and info.data.get("momentum") == 0:
            raise ValueError("needs a momentum above 0")
        return value

    @field_validator("milestones", mode="wrap")
    @classmethod
    def _whole_ascending(cls, value: Any, handler: Callable[[Any], list[int]], info: ValidationInfo) -> list[int]:
        try:
            found = handler(value)
        except ValidationError:
            raise ValueError("must be up to 20 whole numbers, such as 30, 60") from None
        if info.data.get("scheduler") == "multistep":
            _check_milestones(found, info.data.get("epochs"))
        return found


def _check_milestones(milestones: list[int], epochs: int | None) -> None:
    """Raise `ValueError` unless they ascend within the training; `epochs` is None where it is wrong itself."""
    if any(second <= first for first, second in zip([0, *milestones], milestones, strict=False)):
        raise ValueError("must be 1 or more and ascend")
    if epochs is not None and milestones and milestones[-1] >= epochs:
        raise ValueError(f"must be below the {epochs} epochs of the training")


def effective_batch_size(batch_size: int, accumulate: int, devices: int = 1) -> int:
    """Return how many images decide one update of the weights, on all devices together."""
    return batch_size * accumulate * devices
