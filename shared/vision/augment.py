"""Carries out the augmentation steps of `shared.taskkit.augmentations` on images and their targets."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any, Final

import torch
from torchvision.transforms import v2

from shared.schemas.experiment import AugmentationStep
from shared.vision.targets import object_count

MEAN: Final = (0.485, 0.456, 0.406)
"""Mean of the ImageNet training images by channel, values from 0 to 1 (as in torchvision's weights)."""
STD: Final = (0.229, 0.224, 0.225)
"""Their standard deviation."""

Params = Mapping[str, Any]
Transform = Callable[[Any, Any], Any]
"""Of an image and its target."""
_GROUND: Final = tuple(round(255 * value) for value in MEAN)


@dataclass(frozen=True, slots=True)
class _WithObjects:
    """Applies a transform to the share `p` of the images that have objects; it could find no crop in the others."""

    transform: Transform
    p: float

    def __call__(self, image: Any, target: Any) -> Any:
        if object_count(target) == 0 or torch.rand(1).item() >= self.p:
            return image, target
        return self.transform(image, target)


class _DropVanished:
    """Cuts boxes off at the border of the image, and leaves out those of which less than a pixel remains."""

    def __init__(self) -> None:
        self._inner = v2.Compose([v2.ClampBoundingBoxes(), v2.SanitizeBoundingBoxes(min_size=1.0)])

    def __call__(self, image: Any, target: Any) -> Any:
        return self._inner(image, target) if object_count(target) else (image, target)


_BUILDERS: Final[dict[str, Callable[[Params, int], Transform]]] = {
    "horizontal_flip": lambda params, _: v2.RandomHorizontalFlip(params["p"]),
    "vertical_flip": lambda params, _: v2.RandomVerticalFlip(params["p"]),
    "random_resized_crop": lambda params, size: v2.RandomResizedCrop(
        (size, size), scale=(params["min_scale"], 1.0), antialias=True
    ),
    "rotation": lambda params, _: v2.RandomRotation(params["degrees"], v2.InterpolationMode.BILINEAR),
    "color_jitter": lambda params, _: v2.ColorJitter(params["brightness"], params["contrast"], params["saturation"]),
    "photometric_distortion": lambda params, _: v2.RandomPhotometricDistort(p=params["p"]),
    "zoom_out": lambda params, _: v2.RandomZoomOut(_GROUND, side_range=(1.0, params["max_side"]), p=params["p"]),
    "iou_crop": lambda params, _: _WithObjects(v2.RandomIoUCrop(min_scale=params["min_side"]), params["p"]),
}


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
    chosen = [_BUILDERS[step.name](step.params, size) for step in steps if step.enabled]
    made: Transform = v2.Compose(
        [
            v2.ToImage(),
            *chosen,
            v2.Resize((size, size), antialias=True),
            _DropVanished(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )
    return made


def decoded_side(steps: Sequence[AugmentationStep], size: int) -> int:
    """Return how many pixels the shorter side of an image must have so that no crop has to be enlarged."""
    chosen = [step.params for step in steps if step.enabled]
    areas: list[float] = [params["min_scale"] for params in chosen if "min_scale" in params]
    sides: list[float] = [params["min_side"] for params in chosen if "min_side" in params]
    return ceil(size / min([1.0, *map(sqrt, areas), *sides]))
