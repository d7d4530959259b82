"""Augmentations as data: which there are, their parameters and bounds. `shared.vision.augment` carries them out."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.errors import FieldError, Invalid
from shared.schemas.experiment import AugmentationStep


@dataclass(frozen=True, slots=True)
class TransformParam:
    """A number a transform takes."""

    name: str
    label: str
    default: float
    minimum: float
    maximum: float
    help: str = ""


@dataclass(frozen=True, slots=True)
class TransformSpec:
    """A transform a person can put into the pipeline."""

    name: str
    label: str
    help: str
    params: tuple[TransformParam, ...] = field(default=())

    def step(self, **params: float) -> AugmentationStep:
        """Return a pipeline step of this transform; what is not given has its default."""
        return AugmentationStep(name=self.name, params={p.name: params.get(p.name, p.default) for p in self.params})


def _probability(default: float = 0.5) -> TransformParam:
    return TransformParam("p", "Probability", default, 0.0, 1.0, "Share of images it is applied to.")


HORIZONTAL_FLIP = TransformSpec("horizontal_flip", "Horizontal flip", "Mirrors left and right.", (_probability(),))
VERTICAL_FLIP = TransformSpec("vertical_flip", "Vertical flip", "Mirrors top and bottom.", (_probability(),))
RANDOM_CROP = TransformSpec(
    "random_resized_crop",
    "Random crop",
    "Cuts out a part and resizes it, so that objects appear at many scales.",
    (TransformParam("min_scale", "Smallest area", 0.6, 0.05, 1.0, "Least share of the image that is kept."),),
)
ROTATION = TransformSpec(
    "rotation",
    "Rotation",
    "Turns the image by a random angle.",
    (TransformParam("degrees", "Largest angle", 10.0, 0.0, 180.0, "Degrees to either side."),),
)
COLOR_JITTER = TransformSpec(
    "color_jitter",
    "Color jitter",
    "Changes brightness, contrast and saturation at random.",
    (
        TransformParam("brightness", "Brightness", 0.2, 0.0, 1.0),
        TransformParam("contrast", "Contrast", 0.2, 0.0, 1.0),
        TransformParam("saturation", "Saturation", 0.2, 0.0, 1.0),
    ),
)
PHOTOMETRIC_DISTORTION = TransformSpec(
    "photometric_distortion",
    "Photometric distortion",
    "Changes brightness, contrast, saturation, hue and the order of colors at random (Liu et al. 2016).",
    (_probability(),),
)
ZOOM_OUT = TransformSpec(
    "zoom_out",
    "Zoom out",
    "Puts the image somewhere on a larger grey ground, so that objects become small (Liu et al. 2016).",
    (_probability(0.3), TransformParam("max_side", "Largest side", 2.0, 1.0, 4.0, "In sides of the image.")),
)
OBJECT_CROP = TransformSpec(
    "iou_crop",
    "IoU crop",
    "Cuts out a part that holds at least some share of an object (Liu et al. 2016). Objects outside are left out.",
    (_probability(), TransformParam("min_side", "Smallest side", 0.5, 0.1, 1.0, "Least share of either side.")),
)


def validated_steps(offered: Sequence[TransformSpec], steps: Sequence[AugmentationStep]) -> list[AugmentationStep]:
    """Return `steps` with missing parameters filled in.

    Raises:
        Invalid: a transform is not offered, a parameter unknown or out of its bounds.
    """
    known = {spec.name: spec for spec in offered}
    errors: list[FieldError] = []
    for number, step in enumerate(steps):
        place = f"augmentations.{number}"
        if (spec := known.get(step.name)) is None:
            errors.append(FieldError(place, f"{step.name!r} is not one of {', '.join(known)}"))
            continue
        errors.extend(FieldError(f"{place}.{name}", why) for name, why in _faults(spec, step))
    if errors:
        raise Invalid("invalid_augmentations", "Some augmentations cannot be used.", errors=errors)
    return [step.model_copy(update={"params": {**known[step.name].step().params, **step.params}}) for step in steps]


def _faults(spec: TransformSpec, step: AugmentationStep) -> list[tuple[str, str]]:
    bounds = {param.name: param for param in spec.params}
    faults = []
    for name, value in step.params.items():
        if (param := bounds.get(name)) is None:
            faults.append((name, f"{spec.name} has no parameter {name!r}"))
        elif not isinstance(value, int | float) or not param.minimum <= value <= param.maximum:
            faults.append((name, f"must be a number from {param.minimum:g} to {param.maximum:g}"))
    return faults
