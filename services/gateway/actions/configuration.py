"""Configurations: filled from the task's defaults, checked against the task's spec."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from services.gateway.actions import splits
from services.gateway.actions.projects import printable
from services.gateway.studio import Studio
from shared.errors import Conflict, NotFound, invalid_field
from shared.schemas.base import Model
from shared.schemas.experiment import AugmentationStep, Configuration, Hardware
from shared.schemas.split import Split
from shared.taskkit import registry
from shared.taskkit.optimization import effective_batch_size
from shared.taskkit.pipeline import validated_steps
from shared.taskkit.presets import preset_params
from shared.taskkit.spec import Architecture, TaskSpec

_CLEARED = "The dataset that was split was cleared."
_SPLIT_ANEW = "Make a split of the present dataset and choose it."
Name = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(printable)]


def _tag(value: str) -> str:
    if "," in value:
        raise ValueError("must have no comma, which stands between tags")
    return printable(value)


ShortTag = Annotated[str, Field(min_length=1, max_length=30), AfterValidator(_tag)]


def _once(tags: list[str]) -> list[str]:
    """Return tags without repetitions, which are told without case."""
    return list({tag.casefold(): tag for tag in reversed(tags)}.values())[::-1]


class ExperimentBody(Model):
    """A configuration; what is missing comes from the task's defaults or stays as it is."""

    name: Name | None = None
    description: str | None = Field(default=None, max_length=2000)
    notes: str | None = Field(default=None, max_length=20_000)
    tags: Annotated[list[ShortTag], Field(max_length=20), AfterValidator(_once)] | None = None
    split_name: str | None = None
    architecture: str | None = None
    preset: str | None = None
    """One of the task's; `params` go before it."""
    params: dict[str, Any] | None = None
    augmentations: list[AugmentationStep] | None = Field(default=None, max_length=50)
    hardware: Hardware | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "first try",
                    "split_name": "80-10-10",
                    "architecture": "mobilenet_v3_small",
                    "params": {"epochs": 3, "image_size": 96},
                    "tags": ["baseline"],
                }
            ]
        }
    )


NO_CHANGES = ExperimentBody()


def task_of(studio: Studio, project_id: str) -> TaskSpec:
    """Return the spec of a project's task."""
    return registry.spec(studio.workspace.projects.get(project_id).task)


def complete(studio: Studio, project_id: str, body: ExperimentBody) -> tuple[Architecture, Configuration]:
    """Return a configuration with everything the body leaves out taken from the defaults.

    Raises:
        NotFound: no dataset, or no such split.
        Conflict: the project has no split yet.
        Invalid: something cannot be used.
    """
    spec = task_of(studio, project_id)
    architecture = _architecture(spec, body.architecture or spec.architectures[0].id)
    split = _split(studio, project_id, body.split_name)
    return architecture, Configuration(
        split_id=split.id,
        dataset_revision=split.dataset_revision,
        architecture=architecture.id,
        params=defaults(spec, architecture, _given(spec, architecture, body)),
        augmentations=validated_steps(
            spec.transforms, spec.augmentations if body.augmentations is None else body.augmentations
        ),
        hardware=body.hardware or Hardware(),
    )


def changed(studio: Studio, project_id: str, current: Configuration, body: ExperimentBody) -> Configuration:
    """Return `current` with what the body gives put in its place; unchanged defaults follow the architecture.

    Raises:
        Invalid, NotFound: something cannot be used.
    """
    spec = task_of(studio, project_id)
    architecture = _architecture(spec, body.architecture or current.architecture)
    old = defaults(spec, _architecture(spec, current.architecture), {})
    chosen = {name: value for name, value in current.params.items() if value != old.get(name)}
    changes: dict[str, Any] = {
        "architecture": architecture.id,
        "params": defaults(spec, architecture, {**chosen, **_given(spec, architecture, body)}),
    }
    if body.split_name is not None:
        split = _split(studio, project_id, body.split_name)
        changes |= {"split_id": split.id, "dataset_revision": split.dataset_revision}
    if body.augmentations is not None:
        changes["augmentations"] = validated_steps(spec.transforms, body.augmentations)
    if body.hardware is not None:
        changes["hardware"] = body.hardware
    return current.model_copy(update=changes)


def defaults(spec: TaskSpec, architecture: Architecture, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters: given ones, else the architecture's, else the task's.

    Raises:
        Invalid: a parameter is unknown or out of its bounds.
    """
    params = spec.checked_params({**architecture.overrides, **given})
    low, high = architecture.image_sizes
    if not low <= params.image_size <= high:
        wanted = f"must be {low}" if low == high else f"must be from {low} to {high}"
        raise invalid_field("params.image_size", f"{wanted} for {architecture.label}", code="invalid_parameters")
    return params.model_dump(mode="json")


def effective_batch(params: Mapping[str, Any], hardware: Mapping[str, Any]) -> int | None:
    """Return how many images change the weights once: of all batches that are accumulated, on all devices.

    None while any of the numbers is not one, as in a form that is being filled.
    """
    try:
        return effective_batch_size(int(params["batch_size"]), int(params["accumulate"]), hardware.get("devices", 1))
    except (ValueError, TypeError, KeyError):
        return None


def _given(spec: TaskSpec, architecture: Architecture, body: ExperimentBody) -> dict[str, Any]:
    """Return the parameters a body names: those of its preset, then its own."""
    if body.preset is None:
        return body.params or {}
    preset = spec.preset(body.preset)
    if preset is None:
        known = ", ".join(item.id for item in spec.presets)
        raise invalid_field("preset", f"{body.preset[:60]!r} is not one of {known}", code="unknown_preset")
    return {**preset_params(spec, architecture, preset), **(body.params or {})}


def _architecture(spec: TaskSpec, architecture_id: str) -> Architecture:
    found = spec.architecture(architecture_id)
    if found is None:
        known = ", ".join(item.id for item in spec.architectures)
        raise invalid_field(
            "architecture", f"{architecture_id[:60]!r} is not one of {known}", code="unknown_architecture"
        )
    return found


def _split(studio: Studio, project_id: str, name: str | None) -> Split:
    """Return the named split, or the newest; one whose dataset was cleared says of no image where it stands."""
    dataset = studio.workspace.dataset(project_id)
    dataset.head()
    known = splits.listed(studio, project_id)
    usable = [item for item in known if dataset.has_revision(item.dataset_revision)]
    if name is not None:
        try:
            found = splits.get(studio, project_id, name)
        except NotFound as error:
            raise invalid_field("split_name", error.message, code=error.code) from None
        if all(item.id != found.id for item in usable):
            raise invalid_field("split_name", _CLEARED, code="dataset_revision_is_gone", hint=_SPLIT_ANEW)
        return found
    if not usable:
        raise Conflict(
            "split_missing",
            _CLEARED if known else "This project has no split, so it is not known what to train on.",
            hint=_SPLIT_ANEW if known else "Create a split first.",
        )
    return usable[0]
