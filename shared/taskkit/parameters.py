"""Training parameters with the metadata their form is made of.

The form, its help, bounds and visibility, the API's JSON Schema and the validation all come from one model a task.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo

from shared.errors import FieldError, Invalid
from shared.schemas.base import Model
from shared.taskkit.forms import form as form
from shared.taskkit.optimization import Optimization
from shared.taskkit.stopping import EarlyStopping


class _Basics(Model):
    """How much is learned from, what starts where, and what makes it repeatable."""

    epochs: int = Field(
        20,
        ge=1,
        le=1000,
        title="Epochs",
        description="Passes over the training images.",
        json_schema_extra=form("Schedule"),
    )
    # Batch norm cannot learn from a single image.
    batch_size: int = Field(
        32,
        ge=2,
        le=1024,
        title="Batch size",
        description="Images per step. Less needs less memory.",
        json_schema_extra=form("Schedule", unit="images"),
    )
    image_size: int = Field(
        224,
        ge=32,
        le=2048,
        multiple_of=32,
        title="Image size",
        description="Side of the square the images are resized to. Larger shows finer detail and takes longer.",
        json_schema_extra=form("Model", unit="px"),
    )
    pretrained: bool = Field(
        False,
        title="Pretrained weights",
        description="Start from weights trained on ImageNet. Needs them in the weights folder or the internet.",
        json_schema_extra=form("Model"),
    )
    freeze_backbone: bool = Field(
        False,
        title="Freeze backbone",
        description="Train only the head. Fast, and good for very few images.",
        json_schema_extra=form("Model", when={"pretrained": True}),
    )
    seed: int = Field(
        42,
        ge=0,
        le=2**32 - 1,
        title="Seed",
        description="The same seed, data and settings give the same model.",
        json_schema_extra=form("Schedule"),
    )
    deterministic: bool = Field(
        False,
        title="Deterministic",
        description="The same seed gives the same model to the bit on a GPU too, but for the few operations that have "
        "no repeatable form. Slower. The CPU repeats itself anyway.",
        json_schema_extra=form("Schedule"),
    )


class TrainParams(EarlyStopping, Optimization, _Basics):
    """Parameters every task has. A task's own model inherits from this one."""


def inherited(name: str, default: object) -> Any:
    """Return a field of `TrainParams` with another default, for the model of a task where that suits better.

    Raises:
        KeyError: `TrainParams` has no such field.
    """
    return FieldInfo.merge_field_infos(TrainParams.model_fields[name], default=default)


class EvaluationOptions(Model):
    """How predictions are judged, beside checkpoint and subsets. A task with such choices has a model of its own."""


P = TypeVar("P", bound=Model)


def validated(model: type[P], values: Mapping[str, Any], prefix: str = "params") -> P:
    """Return `values` as one of the task's models, missing ones from the defaults.

    Raises:
        Invalid: with one entry a field, named `<prefix>.<field>`.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise Invalid(
            "invalid_parameters", "Some parameters cannot be used.", errors=field_errors(error, prefix)
        ) from error


def field_errors(error: ValidationError, prefix: str = "") -> list[FieldError]:
    """Return pydantic's findings as field errors, locations joined by dots below `prefix`."""
    return [
        FieldError(".".join(str(part) for part in (prefix, *item["loc"]) if part != ""), _plain(item["msg"]))
        for item in error.errors()
    ]


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")
