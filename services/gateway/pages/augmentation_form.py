"""The augmentation pipeline as part of a form, and back.

The order of the rows is the order of the steps: each row begins with a hidden field of its transform's name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from services.gateway.pages.forms import Form, Typed
from services.gateway.pages.schema_form import Field
from shared.errors import FieldError
from shared.schemas.experiment import AugmentationStep
from shared.taskkit.augmentations import TransformParam, TransformSpec
from shared.taskkit.spec import TaskSpec

STEP = "augmentation"
"""Name of the hidden fields; those of a step begin with it, the transform's name, and for a number the number's."""
ON = "on"


@dataclass(frozen=True)
class StepRow:
    """A step of the pipeline."""

    spec: TransformSpec
    name: str
    enabled: bool
    params: list[Field]
    error: str


@dataclass(frozen=True)
class Offers:
    """Transforms that can be added, under one heading."""

    title: str
    transforms: list[TransformSpec]


@dataclass(frozen=True)
class Pipeline:
    """The steps as they stand, what else the task offers, and the order of the task's own steps."""

    steps: list[StepRow]
    offers: list[Offers]
    usual: str
    """Names of the steps the task starts with, in their order, separated by blanks."""

    @property
    def changed(self) -> bool:
        """Whether other steps are carried out than the task's own, or in another order."""
        return " ".join(row.spec.name for row in self.steps if row.enabled) != self.usual


NOTHING = Pipeline([], [], "")


def pipeline(spec: TaskSpec, steps: Sequence[AugmentationStep], form: Form | None = None) -> Pipeline:
    """Return the rows of `steps`, with the errors of `form` beside their fields."""
    known = {transform.name: transform for transform in spec.transforms}
    rows = [row(spec, known[step.name], step, form) for step in steps if step.name in known]
    ordered = sorted(spec.transforms, key=lambda item: item.group)
    offers = [Offers(title, list(items)) for title, items in groupby(ordered, key=lambda item: str(item.group))]
    return Pipeline(rows, offers, " ".join(step.name for step in spec.augmentations))


def row(spec: TaskSpec, transform: TransformSpec, step: AugmentationStep, form: Form | None = None) -> StepRow:
    """Return one step as a row of the form."""
    usual = next((item for item in spec.augmentations if item.name == step.name), transform.step())
    name = f"{STEP}.{step.name}"
    fields = [
        _field(param, f"{name}.{param.name}", step.params, usual.params, form.error if form else lambda _: "")
        for param in transform.params
    ]
    return StepRow(transform, name, step.enabled, fields, form.error(name) if form else "")


def typed_steps(spec: TaskSpec, typed: Typed) -> list[AugmentationStep]:
    """Return the pipeline of a posted form, in its order; what is no number stays text and is refused later."""
    params = {transform.name: [param.name for param in transform.params] for transform in spec.transforms}
    return [
        AugmentationStep(
            name=name,
            params={param: _number(typed.get(f"{STEP}.{name}.{param}")) for param in params.get(name, [])},
            enabled=f"{STEP}.{name}.{ON}" in typed,
        )
        for name in typed.every(STEP)
    ]


def placed(errors: Sequence[FieldError], typed: Typed) -> list[FieldError]:
    """Return errors with those of steps moved from their numbers, under which they come, to the names of fields."""
    return [_placed(item, typed.every(STEP)) for item in errors]


def _placed(item: FieldError, names: Sequence[str]) -> FieldError:
    head, _, rest = item.field.partition(".")
    number, _, param = rest.partition(".")
    if head != "augmentations" or not number.isdigit() or int(number) >= len(names):
        return item
    return FieldError(".".join(filter(None, (STEP, names[int(number)], param))), item.message)


def _field(
    param: TransformParam, name: str, values: Mapping[str, Any], usual: Mapping[str, Any], error: Callable[[str], str]
) -> Field:
    value, default = (_shown(given.get(param.name, param.default)) for given in (values, usual))
    return Field(
        name=name,
        label=param.label,
        help=param.help,
        unit="",
        kind="number",
        value=value,
        default=default,
        changed=value != default,
        choices=[],
        minimum=param.minimum,
        maximum=param.maximum,
        step=1 if param.whole else "any",
        when={},
        error=error(name),
        applies=True,
    )


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
