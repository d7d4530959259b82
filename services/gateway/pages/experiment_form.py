"""The configuration of an experiment as a form, and back."""

from dataclasses import dataclass
from typing import Any

from services.gateway.actions.configuration import ExperimentBody
from services.gateway.actions.experiments import ExperimentView
from services.gateway.pages import augmentation_form
from services.gateway.pages.augmentation_form import Pipeline
from services.gateway.pages.forms import Form, Typed, parsed, refused
from services.gateway.pages.schema_form import Group, groups, typed_values
from shared.errors import Invalid, StudioError
from shared.schemas.experiment import Hardware
from shared.taskkit.spec import TaskSpec

PARAMS = "params."
HARDWARE = "hardware."


@dataclass(frozen=True)
class Parts:
    """What the form is drawn from."""

    form: Form
    groups: list[Group]
    pipeline: Pipeline


NOTHING = Parts(Form(), [], augmentation_form.NOTHING)


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
    steps = chosen.value("augmentations", configuration.augmentations)
    return Parts(chosen, made, augmentation_form.pipeline(spec, steps, form))


def body_of(spec: TaskSpec, typed: Typed) -> ExperimentBody:
    """Return a posted form as a request.

    Raises:
        Invalid: a value cannot be read.
    """
    params = typed_values(spec.params_schema(), typed.values, PARAMS)
    hardware = typed_values(Hardware.model_json_schema(), typed.values, HARDWARE)
    return parsed(
        ExperimentBody,
        {
            **typed.given("name", "split_name", "architecture"),
            "description": typed.get("description"),
            "params": params,
            "augmentations": augmentation_form.typed_steps(spec, typed),
            "hardware": {key: value for key, value in hardware.items() if value != ""},
        },
    )


def placed(spec: TaskSpec, typed: Typed, error: StudioError) -> Form:
    """Return the form as it was typed, with its errors beside their fields."""
    moved = Invalid(error.code, error.message, hint=error.hint, errors=augmentation_form.placed(error.errors, typed))
    steps = augmentation_form.typed_steps(spec, typed)
    of_steps = {f"{augmentation_form.STEP}.{step.name}" for step in steps}
    shown = {*typed.values, "architecture", "split_name", *of_steps}
    return refused({**typed.values, "augmentations": steps}, moved, shown)


def named(typed: Typed) -> ExperimentBody:
    """Return name, texts and tags, which may change at any time. Tags stand between commas."""
    tags = [tag.strip() for tag in typed.get("tags").split(",") if tag.strip()]
    texts = {name: typed.get(name) for name in ("name", "description", "notes")}
    return parsed(ExperimentBody, {**texts, "tags": tags})


def _values(view: ExperimentView) -> dict[str, Any]:
    configuration = view.experiment.configuration
    hardware = configuration.hardware.model_dump(mode="json")
    return {
        "name": view.experiment.name,
        "description": view.experiment.description,
        "architecture": configuration.architecture,
        "split_name": view.split_name,
        **{f"{HARDWARE}{key}": value for key, value in hardware.items() if value is not False},
    }
