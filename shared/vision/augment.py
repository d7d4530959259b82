"""Carries out the augmentation steps of `shared.taskkit.augmentations` on images and their targets."""

from collections.abc import Callable, Mapping, Sequence
from math import ceil, sqrt
from typing import Any, Final

import torch
from torchvision.transforms import v2

from shared.schemas.experiment import AugmentationStep

MEAN: Final = (0.485, 0.456, 0.406)
"""Mean of the ImageNet training images by channel, values from 0 to 1 (as in torchvision's weights)."""
STD: Final = (0.229, 0.224, 0.225)
"""Their standard deviation."""

Params = Mapping[str, Any]
_BUILDERS: Final[dict[str, Callable[[Params, int], v2.Transform]]] = {
    "horizontal_flip": lambda params, _: v2.RandomHorizontalFlip(params["p"]),
    "vertical_flip": lambda params, _: v2.RandomVerticalFlip(params["p"]),
    "random_resized_crop": lambda params, size: v2.RandomResizedCrop(
        (size, size), scale=(params["min_scale"], 1.0), antialias=True
    ),
    "rotation": lambda params, _: v2.RandomRotation(params["degrees"], v2.InterpolationMode.BILINEAR),
    "color_jitter": lambda params, _: v2.ColorJitter(params["brightness"], params["contrast"], params["saturation"]),
}


def known_transforms() -> frozenset[str]:
    """Return the names of the steps that can be carried out."""
    return frozenset(_BUILDERS)


def make_transform(steps: Sequence[AugmentationStep], size: int) -> v2.Transform:
    """Return a transform of (image, target) that ends in a normalised float32 image [3, `size`, `size`].

    Without steps it is what evaluation uses. Randomness comes from torch's default generator only.

    Args:
        steps: the pipeline; disabled steps are left out.
        size: side of the square in pixels.
    """
    chosen = [_BUILDERS[step.name](step.params, size) for step in steps if step.enabled]
    return v2.Compose(
        [
            v2.ToImage(),
            *chosen,
            v2.Resize((size, size), antialias=True),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )


def decoded_side(steps: Sequence[AugmentationStep], size: int) -> int:
    """Return how many pixels the shorter side of an image must have so that no crop has to be enlarged."""
    scales = [step.params["min_scale"] for step in steps if step.enabled and "min_scale" in step.params]
    return ceil(size / sqrt(min(scales, default=1.0)))
