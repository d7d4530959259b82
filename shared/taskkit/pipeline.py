"""Pipelines of augmentations: what may stand in them, in which order, with which values."""

from collections.abc import Iterator, Mapping, Sequence

from shared.errors import FieldError, Invalid
from shared.schemas.experiment import AugmentationStep
from shared.taskkit.augmentations import POLICIES, TransformSpec

_Fault = tuple[str, str]
"""Name of a parameter, or nothing for the step itself; and what is wrong with it."""


def validated_steps(offered: Sequence[TransformSpec], steps: Sequence[AugmentationStep]) -> list[AugmentationStep]:
    """Return `steps` with missing parameters filled in.

    Steps that are switched off count like the others, except for their order.

    Raises:
        Invalid: a transform is not offered or stands twice, a parameter is unknown or out of its bounds, or the order
            is impossible. Fields are named `augmentations.<number from 0>` and below it by parameter.
    """
    known = {spec.name: spec for spec in offered}
    errors = [
        FieldError(f"augmentations.{number}" + (f".{param}" if param else ""), why)
        for number, step in enumerate(steps)
        for param, why in _faults(known, steps, number, step)
    ]
    if errors:
        raise Invalid("invalid_augmentations", "Some augmentations cannot be used.", errors=errors)
    return [step.model_copy(update={"params": _filled(known[step.name], step)}) for step in steps]


def _faults(
    known: Mapping[str, TransformSpec], steps: Sequence[AugmentationStep], number: int, step: AugmentationStep
) -> Iterator[_Fault]:
    if (spec := known.get(step.name)) is None:
        yield "", f"{step.name[:60]!r} is not one of {', '.join(known)}"
        return
    yield from _bad_values(spec, step)
    if any(step.name == earlier.name for earlier in steps[:number]):
        yield "", f"{spec.label} stands in the pipeline already"
    elif step.enabled:
        behind = [known[later.name] for later in steps[number + 1 :] if later.enabled and later.name in known]
        yield from _misplaced(spec, behind)


def _misplaced(spec: TransformSpec, behind: Sequence[TransformSpec]) -> Iterator[_Fault]:
    """Say why a step cannot stand before the ones `behind` it."""
    if spec.last and (others := [item.label for item in behind if not item.last]):
        yield "", f"works on the normalised input and has to stand last, behind {', '.join(others)}"
    for item in behind:
        if item.name in spec.after:
            yield "", f"cuts out of what {item.label} makes larger and has to stand behind it"
    if spec in POLICIES and (other := next((item for item in behind if item in POLICIES), None)):
        yield "", f"is a complete recipe, as {other.label} is; use one of them"


def _bad_values(spec: TransformSpec, step: AugmentationStep) -> Iterator[_Fault]:
    bounds = {param.name: param for param in spec.params}
    bad = set()
    for name, value in step.params.items():
        if (param := bounds.get(name)) is None:
            yield name, f"{spec.label} has no parameter {name[:60]!r}"
            continue
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not param.minimum <= value <= param.maximum or (param.whole and value != int(value)):
            bad.add(name)
            kind = "whole number" if param.whole else "number"
            yield name, f"must be a {kind} from {param.minimum:g} to {param.maximum:g}"
    values = {**spec.step().params, **step.params}
    for low, high in spec.ascending:
        if not bad & {low, high} and values[low] > values[high]:
            yield low, f"must not be larger than {bounds[high].label.lower()}, which is {values[high]:g}"


def _filled(spec: TransformSpec, step: AugmentationStep) -> dict[str, float]:
    values = {**spec.step().params, **step.params}
    return {param.name: int(values[param.name]) if param.whole else values[param.name] for param in spec.params}
