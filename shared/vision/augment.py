"""Carries out the augmentation steps of `shared.taskkit.augmentations` on images and their targets."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any, Final

import torch
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from shared.schemas.experiment import AugmentationStep
from shared.taskkit.augmentations import TRANSFORMS
from shared.vision.targets import object_count

MEAN: Final = (0.485, 0.456, 0.406)
"""Mean of the ImageNet training images by channel, values from 0 to 1 (as in torchvision's weights)."""
STD: Final = (0.229, 0.224, 0.225)
"""Their standard deviation."""

Params = Mapping[str, Any]
Transform = Callable[[Any, Any], Any]
"""Of an image and its target."""
_GROUND: Final = tuple(round(255 * value) for value in MEAN)
_BILINEAR: Final = v2.InterpolationMode.BILINEAR
_SPECS: Final = {spec.name: spec for spec in TRANSFORMS}


@dataclass(frozen=True, slots=True)
class _WithObjects:
    """Applies a transform to the share `p` of the images that have objects; it could find no crop in the others."""

    transform: Transform
    p: float

    def __call__(self, image: Any, target: Any) -> Any:
        if object_count(target) == 0 or torch.rand(1).item() >= self.p:
            return image, target
        return self.transform(image, target)


@dataclass(frozen=True, slots=True)
class _ImageOnly:
    """Applies a transform of the image alone to the share `p` of the images."""

    change: Callable[[Any], Any]
    p: float = 1.0

    def __call__(self, image: Any, target: Any) -> Any:
        return (image if torch.rand(1).item() >= self.p else self.change(image)), target


@dataclass(frozen=True, slots=True)
class _WhereThereIsRoom:
    """Applies a transform to images with at least `side` pixels either way; its corners would meet in others."""

    transform: Transform
    side: int

    def __call__(self, image: Any, target: Any) -> Any:
        return self.transform(image, target) if min(image.shape[-2:]) >= self.side else (image, target)


@dataclass(frozen=True, slots=True)
class _Blur:
    """Blurs with a random sigma up to `sigma` pixels of an input of `size` pixels, whatever the image has."""

    sigma: float
    size: int

    def __call__(self, image: Any) -> Any:
        shorter = min(image.shape[-2:])
        sigma = torch.empty(1).uniform_(0.1, self.sigma).item() * shorter / self.size
        radius = min(ceil(3 * sigma), shorter - 1)  # The border is mirrored, which needs as many pixels inside.
        return functional.gaussian_blur(image, [2 * radius + 1] * 2, [max(sigma, 1e-3)] * 2)


@dataclass(frozen=True, slots=True)
class _Compress:
    """Writes the image as JPEG at a random quality and reads it back, with Pillow: torchvision gives its codecs up."""

    lowest: int
    highest: int

    def __call__(self, image: Any) -> Any:
        quality = int(torch.randint(self.lowest, self.highest + 1, (1,)).item())
        buffer = io.BytesIO()
        functional.to_pil_image(image).save(buffer, "JPEG", quality=quality)
        with Image.open(buffer) as compressed:
            return functional.to_image(compressed.convert("RGB"))


class _DropVanished:
    """Cuts boxes off at the border of the image, and leaves out those of which less than a pixel remains."""

    def __init__(self) -> None:
        self._inner = v2.Compose([v2.ClampBoundingBoxes(), v2.SanitizeBoundingBoxes(min_size=1.0)])

    def __call__(self, image: Any, target: Any) -> Any:
        return self._inner(image, target) if object_count(target) else (image, target)


def _affine(params: Params, _: int) -> Transform:
    shift, scale = params["translate"], (params["min_scale"], params["max_scale"])
    made: Transform = v2.RandomAffine(0, (shift, shift), scale, params["shear"] or None, _BILINEAR, fill=_GROUND)
    return made


def _erasing(params: Params, _: int) -> Transform:
    return _ImageOnly(v2.RandomErasing(params["p"], scale=(params["min_area"], params["max_area"])))


_BUILDERS: Final[dict[str, Callable[[Params, int], Transform]]] = {
    "horizontal_flip": lambda params, _: v2.RandomHorizontalFlip(params["p"]),
    "vertical_flip": lambda params, _: v2.RandomVerticalFlip(params["p"]),
    "random_resized_crop": lambda params, size: v2.RandomResizedCrop(
        (size, size), scale=(params["min_scale"], 1.0), antialias=True
    ),
    "rotation": lambda params, _: v2.RandomRotation(params["degrees"], _BILINEAR, fill=_GROUND),
    "affine": _affine,
    "perspective": lambda params, _: _WhereThereIsRoom(
        v2.RandomPerspective(params["distortion"], params["p"], fill=_GROUND), 8
    ),
    "zoom_out": lambda params, _: v2.RandomZoomOut(_GROUND, side_range=(1.0, params["max_side"]), p=params["p"]),
    "iou_crop": lambda params, _: _WithObjects(v2.RandomIoUCrop(min_scale=params["min_side"]), params["p"]),
    "color_jitter": lambda params, _: v2.ColorJitter(
        params["brightness"], params["contrast"], params["saturation"], params["hue"]
    ),
    "photometric_distortion": lambda params, _: v2.RandomPhotometricDistort(p=params["p"]),
    "grayscale": lambda params, _: v2.RandomGrayscale(params["p"]),
    "autocontrast": lambda params, _: v2.RandomAutocontrast(params["p"]),
    "equalize": lambda params, _: v2.RandomEqualize(params["p"]),
    "posterize": lambda params, _: v2.RandomPosterize(params["bits"], params["p"]),
    "solarize": lambda params, _: v2.RandomSolarize(255 * params["threshold"], params["p"]),
    "gaussian_blur": lambda params, size: _ImageOnly(_Blur(params["max_sigma"], size), params["p"]),
    "gaussian_noise": lambda params, _: _ImageOnly(v2.GaussianNoise(sigma=params["sigma"]), params["p"]),
    "sharpness": lambda params, _: v2.RandomAdjustSharpness(params["factor"], params["p"]),
    "jpeg": lambda params, _: _ImageOnly(_Compress(params["min_quality"], params["max_quality"]), params["p"]),
    "random_erasing": _erasing,
    "rand_augment": lambda params, _: v2.RandAugment(params["operations"], params["magnitude"], fill=_GROUND),
    "trivial_augment_wide": lambda params, _: v2.TrivialAugmentWide(fill=_GROUND),
}

_KEPT: Final[dict[str, Callable[[Params], float]]] = {
    "random_resized_crop": lambda params: sqrt(params["min_scale"]),
    "iou_crop": lambda params: params["min_side"],
    "affine": lambda params: 1 / max(1.0, params["max_scale"]),
}
"""Least share of a side that is left of an image, for the steps that enlarge what is left."""


def known_transforms() -> frozenset[str]:
    """Return the names of the steps that can be carried out."""
    return frozenset(_BUILDERS)


def make_transform(steps: Sequence[AugmentationStep], size: int) -> Transform:
    """Return a transform of (image, target) that ends in a normalised float32 image [3, `size`, `size`].

    Objects of the target that end up outside of the image leave it.

    Without steps it is what evaluation uses. Randomness comes from torch's default generator only.

    Args:
        steps: the pipeline; disabled steps are left out.
        size: side of the square in pixels.
    """
    chosen = [step for step in steps if step.enabled]
    made: Transform = v2.Compose(
        [
            v2.ToImage(),
            *(part for step in chosen if not _SPECS[step.name].last for part in _built(step, size)),
            v2.Resize((size, size), antialias=True),
            _DropVanished(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
            *(part for step in chosen if _SPECS[step.name].last for part in _built(step, size)),
        ]
    )
    return made


def decoded_side(steps: Sequence[AugmentationStep], size: int) -> int:
    """Return how many pixels the shorter side of an image must have so that no step has to enlarge it."""
    kept = [_KEPT[step.name](_params(step)) for step in steps if step.enabled and step.name in _KEPT]
    return ceil(size / min([1.0, *kept]))


def _built(step: AugmentationStep, size: int) -> list[Transform]:
    made = _BUILDERS[step.name](_params(step), size)
    # An object that has left the image is a line at its border, which the next turn would make a box again.
    return [made, _DropVanished()] if _SPECS[step.name].geometry else [made]


def _params(step: AugmentationStep) -> Params:
    """Return the parameters of a step; configurations that are older than one of them lack it."""
    return {**_SPECS[step.name].step().params, **step.params}
