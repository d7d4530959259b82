"""Opening images for a model, as everything else sees them, and decoded no larger than needed."""

from pathlib import Path

from PIL import Image

from shared.errors import StudioError
from shared.taskkit.images import upright_rgb


def unreadable(filename: str, reason: str) -> StudioError:
    """Return the error for an image that cannot be decoded any more."""
    return StudioError(
        "image_unreadable",
        f"The image {filename!r} cannot be read: {reason}.",
        hint="Its file in the workspace is damaged or gone. Import the dataset again, or restore the file.",
    )


def open_image(path: Path, side: int) -> Image.Image:
    """Return the image at `path`, upright and 8-bit RGB, as `shared.taskkit.images.upright_rgb` makes it.

    Args:
        path: the file.
        side: pixels needed along the shorter side; smaller images keep their size.

    Raises:
        OSError, SyntaxError, ValueError: the file is missing or damaged.
    """
    try:
        with Image.open(path) as image:
            return upright_rgb(image, side, "shorter")
    except (OSError, SyntaxError, ValueError):
        raise
    except Exception as error:
        raise ValueError(str(error)) from error
