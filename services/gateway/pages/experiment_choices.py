"""What stands around the parameters of the form: presets, hardware, what follows from both."""

from dataclasses import dataclass
from typing import Any

from services.gateway.actions import configuration
from services.gateway.pages import augmentation_form
from services.gateway.pages.experiment_form import HARDWARE, PARAMS
from services.gateway.pages.forms import Form, Typed
from services.gateway.pages.schema_form import Group, groups, same, typed_values
from shared.schemas.experiment import Hardware
from shared.taskkit.presets import Preset, preset_params
from shared.taskkit.spec import TaskSpec


@dataclass(frozen=True)
class PresetChoice:
    """A preset; `active` when the form holds just what it would set."""

    preset: Preset
    active: bool


@dataclass(frozen=True)
class Choices:
    """What the form is drawn from, beside parameters and augmentations."""

    presets: list[PresetChoice]
    hardware: list[Group]
    effective: str


NOTHING = Choices([], [], "")


def choices(spec: TaskSpec, form: Form, stored: dict[str, Any]) -> Choices:
    """Return what belongs to a form.

    Args:
        spec: of the task.
        form: what it holds.
        stored: parameters of the experiment, for a form that holds none.
    """
    architecture = spec.architecture(str(form.value("architecture")))
    posted = any(name.startswith(PARAMS) for name in form.values)
    params = typed_values(spec.params_schema(), form.values, PARAMS) if posted else stored
    schema = Hardware.model_json_schema()
    hardware = typed_values(schema, form.values, HARDWARE)
    made = groups(schema, hardware, prefix=HARDWARE, defaults={}, labels={}, error=form.error)
    presets = [
        PresetChoice(item, architecture is not None and _holds(params, preset_params(spec, architecture, item)))
        for item in spec.presets
    ]
    return Choices(presets, made, effective(params, hardware))


def effective(params: dict[str, Any], hardware: dict[str, Any]) -> str:
    """Return how many images an update of the weights sees, in words; "" while that is not known."""
    images = configuration.effective_batch(params, hardware)
    return f"{images} images an update" if images else ""


def typed_effective(spec: TaskSpec, typed: Typed) -> str:
    """Return `effective` of what is being typed."""
    params = typed_values(spec.params_schema(), typed.values, PARAMS)
    return effective(params, typed_values(Hardware.model_json_schema(), typed.values, HARDWARE))


def redrawn(spec: TaskSpec, typed: Typed) -> Form:
    """Return a form after another architecture or a preset was chosen.

    Parameters that had the default of the architecture the form was drawn for get that of the new one. Of a preset
    all it knows is set; what else was typed stays.
    """
    before, after = spec.architecture(typed.get("drawn_for")), spec.architecture(typed.get("architecture"))
    values: dict[str, Any] = {**typed.values, "augmentations": augmentation_form.typed_steps(spec, typed)}
    schema = spec.params_schema()
    if before and after and before is not after:
        old, new = spec.defaults(before), spec.defaults(after)
        for name, value in typed_values(schema, typed.values, PARAMS).items():
            if same(value, old[name]):
                _put(values, name, new[name])
    preset = spec.preset(typed.get("preset"))
    if preset and after:
        for name, value in preset_params(spec, after, preset).items():
            _put(values, name, value)
    return Form(values)


def _put(values: dict[str, Any], name: str, value: Any) -> None:
    """Write a value as the form would post it: a box that is not ticked is not there."""
    values.pop(f"{PARAMS}{name}", None)
    if value is not False:
        values[f"{PARAMS}{name}"] = value


def _holds(params: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return all(same(params.get(name), value) for name, value in wanted.items())
