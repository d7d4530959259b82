"""The configuration of an experiment as a form, and back."""

from dataclasses import dataclass
from typing import Any

from services.gateway.actions.configuration import ExperimentBody
from services.gateway.actions.experiments import ExperimentView
from services.gateway.pages.forms import Form, Typed, parsed, refused
from services.gateway.pages.schema_form import Group, groups, typed_values
from shared.errors import FieldError, Invalid, StudioError
from shared.schemas.experiment import AugmentationStep, Configuration
from shared.taskkit.augmentations import TransformParam, TransformSpec
from shared.taskkit.spec import TaskSpec

PARAMS = "params."
STEP = "augmentation."


@dataclass(frozen=True)
class ParamField:
    """A number of a transform."""

    spec: TransformParam
    name: str
    value: Any
    error: str


@dataclass(frozen=True)
class StepRow:
    """A transform the task offers: on or off, and its numbers."""

    spec: TransformSpec
    name: str
    enabled: bool
    params: list[ParamField]


@dataclass(frozen=True)
class Parts:
    """What the form is drawn from."""

    form: Form
    groups: list[Group]
    steps: list[StepRow]


NOTHING = Parts(Form(), [], [])


def build(spec: TaskSpec, view: ExperimentView, form: Form | None) -> Parts:
    """Return the form of an experiment: as stored, or as it was typed when that was refused."""
    configuration = view.experiment.configuration
    chosen = form or Form(_values(view))
    architecture = spec.architecture(str(chosen.value("architecture")))
    schema = spec.params_schema()
    values = typed_values(schema, chosen.values, PARAMS) if form else configuration.params
    made = groups(
        schema,
        values,
        prefix=PARAMS,
        defaults=architecture.overrides if architecture else {},
        labels={choice.value: choice for choice in spec.losses},
        error=chosen.error,
    )
    return Parts(chosen, made, _steps(spec, configuration, form))


def body_of(spec: TaskSpec, typed: Typed) -> ExperimentBody:
    """Return a posted form as a request.

    Raises:
        Invalid: a value cannot be read.
    """
    params = typed_values(spec.params_schema(), typed.values, PARAMS)
    steps = [_step(transform, typed) for transform in _ordered(spec)]
    hardware = {key: typed.get(f"hardware.{key}") for key in ("device", "precision", "loader_workers")}
    return parsed(
        ExperimentBody,
        {
            **typed.given("name", "split_name", "architecture"),
            "description": typed.get("description"),
            "params": params,
            "augmentations": [step for step in steps if step is not None],
            "hardware": {key: value for key, value in hardware.items() if value},
        },
    )


def placed(spec: TaskSpec, typed: Typed, error: StudioError) -> Form:
    """Return the form as it was typed with its errors; those of pipeline steps come by number and go by name."""
    on = [f"{STEP}{transform.name}" for transform in _ordered(spec) if f"{STEP}{transform.name}" in typed]
    renamed = []
    for item in error.errors:
        head, _, rest = item.field.partition(".")
        number, _, param = rest.partition(".")
        known = head == "augmentations" and number.isdigit() and int(number) < len(on)
        renamed.append(FieldError(f"{on[int(number)]}.{param}", item.message) if known else item)
    moved = Invalid(error.code, error.message, hint=error.hint, errors=renamed)
    return refused(typed.values, moved, {*typed.values, "architecture", "split_name"})


def named(typed: Typed) -> ExperimentBody:
    """Return only name and description, which may change at any time."""
    return parsed(ExperimentBody, {"name": typed.get("name"), "description": typed.get("description")})


def _values(view: ExperimentView) -> dict[str, Any]:
    configuration = view.experiment.configuration
    return {
        "name": view.experiment.name,
        "description": view.experiment.description,
        "architecture": configuration.architecture,
        "split_name": view.split_name,
        "hardware.device": configuration.hardware.device,
        "hardware.precision": configuration.hardware.precision,
        "hardware.loader_workers": configuration.hardware.loader_workers,
    }


def _ordered(spec: TaskSpec) -> list[TransformSpec]:
    """Return the transforms in the order of the task's own pipeline, the others behind."""
    usual = [step.name for step in spec.augmentations]
    return sorted(spec.transforms, key=lambda item: usual.index(item.name) if item.name in usual else len(usual))


def _steps(spec: TaskSpec, configuration: Configuration, form: Form | None) -> list[StepRow]:
    stored = {step.name: step for step in configuration.augmentations}
    return [_row(transform, stored.get(transform.name), form) for transform in _ordered(spec)]


def _row(transform: TransformSpec, stored: AugmentationStep | None, form: Form | None) -> StepRow:
    name = f"{STEP}{transform.name}"
    fields = []
    for param in transform.params:
        control = f"{name}.{param.name}"
        value = stored.params.get(param.name, param.default) if stored else param.default
        if form:
            value = form.value(control, value)
        shown = f"{value:g}" if isinstance(value, float) else value
        fields.append(ParamField(param, control, shown, form.error(control) if form else ""))
    enabled = name in form.values if form else stored is not None and stored.enabled
    return StepRow(transform, name, enabled, fields)


def _step(transform: TransformSpec, typed: Typed) -> dict[str, Any] | None:
    """Return a transform as a pipeline step, or None where it is off."""
    name = f"{STEP}{transform.name}"
    if name not in typed:
        return None
    return {"name": transform.name, "params": {item.name: _number(typed, name, item) for item in transform.params}}


def _number(typed: Typed, name: str, param: TransformParam) -> float | str:
    text = typed.get(f"{name}.{param.name}")
    try:
        return float(text)
    except ValueError:
        return text
