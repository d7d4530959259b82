"""Reading image files with Pillow: upright, checked, and small where small is enough. No torch."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from shared.errors import Invalid

THUMBNAIL_SIZE: Final = 256
_THUMBNAIL_QUALITY: Final = 82
_FORMATS: Final = {"MPO": "JPEG", **{name: name for name in ("JPEG", "PNG", "BMP", "WEBP", "TIFF")}}
_ORIENTATION: Final = 0x0112

# `inspect` has a limit of its own, which an operator can set.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was learned of an image: upright size in pixels, format such as `JPEG`, JPEG bytes of the thumbnail."""

    width: int
    height: int
    format: str
    thumbnail: bytes


def inspect(data: bytes, max_pixels: int) -> Inspection:
    """Decode an image far enough to know it is whole, and make its thumbnail.

    Args:
        data: the bytes of the file.
        max_pixels: more are refused before decoding.

    Raises:
        Invalid: not an image, of a kind the studio does not read, damaged, or too large.
    """
    with _reading(), Image.open(io.BytesIO(data)) as image:
        format_name = _FORMATS.get(image.format or "")
        if format_name is None:
            raise Invalid("unknown_image_format", f"Images of the kind {image.format} are not read.")
        if image.width * image.height > max_pixels:
            raise Invalid("image_too_large", f"{image.width} x {image.height} pixels are more than allowed.")
        size = image.size
        small = _thumbnail(image)
        upright = size[::-1] if _is_turned(image) else size
    return Inspection(*upright, format_name, small)


def thumbnail(data: bytes) -> bytes:
    """Return the thumbnail of an image as JPEG bytes.

    Raises:
        Invalid: the image cannot be decoded.
    """
    with _reading(), Image.open(io.BytesIO(data)) as image:
        return _thumbnail(image)


def _thumbnail(image: Image.Image) -> bytes:
    """Decode at the smallest scale that suffices, turn upright, shrink."""
    size = (THUMBNAIL_SIZE, THUMBNAIL_SIZE)
    image.draft("RGB", size)
    image.thumbnail(size, Image.Resampling.BICUBIC, reducing_gap=None)
    upright = ImageOps.exif_transpose(image)
    buffer = io.BytesIO()
    _as_rgb(upright).save(buffer, "JPEG", quality=_THUMBNAIL_QUALITY)
    return buffer.getvalue()


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    if image.mode.startswith(("I", "F")):
        low, high = image.getextrema()
        span = (float(high) - float(low)) or 1.0  # type: ignore[arg-type]
        return image.convert("F").point(lambda value: (value - float(low)) * (255.0 / span)).convert("RGB")  # type: ignore[arg-type]
    return image.convert("RGB")


@contextmanager
def _reading() -> Iterator[None]:
    """Turn whatever Pillow raises into `Invalid`: on damaged files its readers fail in any way there is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Invalid:
        raise
    except UnidentifiedImageError:
        raise Invalid("not_an_image", "This file is not an image, whatever its name says.") from None
    except Exception as error:
        raise Invalid("damaged_image", f"The image is damaged: {error}") from error


def _is_turned(image: Image.Image) -> bool:
    """Whether EXIF orientation swaps width and height."""
    return image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
