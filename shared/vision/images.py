"""Opening images for a model: upright, RGB, and decoded no larger than needed."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from shared.errors import StudioError

Image.MAX_IMAGE_PIXELS = None  # The import has refused what is too large, by the operator's own limit.

_UNREADABLE = (OSError, SyntaxError, ValueError)


def unreadable(filename: str, reason: str) -> StudioError:
    """Return the error for an image that cannot be decoded any more."""
    return StudioError(
        "image_unreadable",
        f"The image {filename!r} cannot be read: {reason}.",
        hint="Its file in the workspace is damaged or gone. Import the dataset again, or restore the file.",
    )


def open_image(path: Path, side: int) -> Image.Image:
    """Return the image at `path`, upright and RGB.

    JPEGs are decoded at the smallest scale of the format (1/2, 1/4, 1/8) whose shorter side still has `side` pixels,
    other formats are reduced to that after decoding, so that what follows works on few pixels.

    Args:
        path: the file.
        side: pixels needed along the shorter side; smaller images keep their size.

    Raises:
        OSError, SyntaxError, ValueError: the file is missing or damaged.
    """
    with Image.open(path) as image:
        image.draft("RGB", (side, side))
        image.load()
        upright = ImageOps.exif_transpose(image)
    factor = min(upright.size) // side
    return _rgb(upright.reduce(factor) if factor > 1 else upright)


def _rgb(image: Image.Image) -> Image.Image:
    """Convert to RGB; 16-bit grey keeps its upper eight bits instead of being clipped at 255."""
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.uint32) >> 8
        return Image.fromarray(values.clip(0, 255).astype(np.uint8)).convert("RGB")
    return image.convert("RGB")
