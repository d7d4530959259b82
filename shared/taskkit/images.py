"""Reading image files with Pillow: upright RGB, checked, and small where small is enough. No torch.

Whatever shows an image or learns from it takes it from `upright_rgb`, so that all of them see the same.
"""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from PIL import Image, ImageFile, UnidentifiedImageError

from shared.errors import Invalid
from shared.taskkit.pixels import Note, brightness, perceptual_hash, to_rgb

Along = Literal["shorter", "longer"]
THUMBNAIL_SIZE: Final = 256
_THUMBNAIL_QUALITY: Final = 82
_FORMATS: Final = {"MPO": "JPEG", **{name: name for name in ("JPEG", "PNG", "BMP", "WEBP", "TIFF")}}
_ORIENTATION: Final = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns an image upright, by its EXIF orientation."""
_SWAPS_SIDES: Final = (5, 6, 7, 8)
_BYTES_LOADED: Final = {"JPEG": 0.25, "progressive": 6, "TIFF": 8, "WEBP": 16}
"""Bytes a pixel; 4 for others. Baseline JPEGs are loaded small, progressive ones hold their coefficients before that,
TIFFs may be turned, and WebP's decoder has several copies."""
_PIECE: Final = 2**22
"""Bytes of a file that the decoder of JPEGs gets at a time."""
_XMP: Final = ("xmp", "XML:com.adobe.xmp")

# `inspect` has a limit of its own, which an operator can set.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was learned of an image.

    `width` and `height` are of the upright image in pixels, `format` is such as `JPEG`, `thumbnail` JPEG bytes,
    `brightness` the mean grey value from 0 to 255, `phash` its perceptual hash in 16 hex digits.
    """

    width: int
    height: int
    format: str
    thumbnail: bytes
    brightness: float
    phash: str
    notes: tuple[Note, ...]


def inspect(
    data: bytes, max_pixels: int, room: Callable[[int], AbstractContextManager[object]] = nullcontext
) -> Inspection:
    """Decode an image far enough to know it is whole, and make its thumbnail.

    Args:
        data: the bytes of the file.
        max_pixels: more are refused before decoding.
        room: called with about how many bytes the pixels will take, and held while they are there.

    Raises:
        Invalid: not an image, of a kind the studio does not read, damaged, or too large.
    """
    with _reading(), Image.open(io.BytesIO(data)) as image:
        format_name = _FORMATS.get(image.format or "")
        if format_name is None:
            raise Invalid(
                "unknown_image_format",
                f"Images of the kind {image.format} are not read.",
                hint="Save it as JPEG, PNG, BMP, WebP or TIFF and import again.",
            )
        if image.width * image.height > max_pixels:
            raise Invalid(
                "image_too_large",
                f"{image.width} x {image.height} pixels are more than allowed.",
                hint="Cut or shrink it; an operator can allow more with AI_STUDIO_MAX_IMAGE_PIXELS.",
            )
        pages = _pages(image)
        with room(_loaded(image)):
            upright = _upright(image, THUMBNAIL_SIZE, "longer")
            small = _fitted(upright.rgb)
            grey = small.convert("L")
            return Inspection(
                *upright.size,
                format_name,
                _as_jpeg(small),
                brightness(grey),
                perceptual_hash(grey),
                (*pages, *upright.notes),
            )


def thumbnail(data: bytes) -> bytes:
    """Return the thumbnail of an image as JPEG bytes.

    Raises:
        Invalid: the image cannot be decoded.
    """
    with _reading(), Image.open(io.BytesIO(data)) as image:
        return _as_jpeg(_fitted(upright_rgb(image, THUMBNAIL_SIZE, "longer")))


def rendition(data: bytes) -> bytes:
    """Return an image as everything else sees it, in full size as PNG bytes, for browsers that cannot show its format.

    Raises:
        Invalid: the image cannot be decoded.
    """
    with _reading(), Image.open(io.BytesIO(data)) as image:
        buffer = io.BytesIO()
        upright_rgb(image, max(image.size), "longer").save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()


def upright_rgb(image: Image.Image, side: int, along: Along) -> Image.Image:
    """Return an opened image upright, 8-bit RGB, and no larger than needed.

    JPEGs are decoded at the smallest scale of the format (1/2, 1/4, 1/8) that still suffices; everything is then
    reduced by a whole number, so that what follows works on few pixels. Of several pages the first is taken. How other
    kinds of values become 8 bits is said in `shared.taskkit.pixels.to_rgb`.

    Args:
        image: as opened, not loaded.
        side: pixels needed along one side; smaller images keep their size.
        along: which side that is.

    Raises:
        Exception: of any kind, where the file is damaged: Pillow's readers fail in any way there is.
    """
    return _upright(image, side, along).rgb


class _Upright(NamedTuple):
    """An image as RGB, perhaps reduced; the upright size (width, height) of the whole; what was done to it."""

    rgb: Image.Image
    size: tuple[int, int]
    notes: list[Note]


def _upright(image: Image.Image, side: int, along: Along) -> _Upright:
    width, height = image.size
    whole = min(width, height) if along == "shorter" else max(width, height)
    needed = max(1, width * side // whole), max(1, height * side // whole)
    if image.draft("RGB", needed) is not None and isinstance(image, ImageFile.ImageFile):
        # Handed over in larger pieces than 64 KB, a photo is decoded in fewer goes.
        image.decodermaxblock = _PIECE
    small, notes = to_rgb(image, needed)
    orientation = _orientation(image)
    if (turn := _TURNS.get(orientation)) is not None:
        small = small.transpose(turn)
    small.info = {}  # Comments and profiles of the file are not those of these pixels.
    return _Upright(small, (height, width) if orientation in _SWAPS_SIDES else (width, height), notes)


def _loaded(image: Image.Image) -> int:
    """Return about how many bytes the pixels of an opened image take while it is read for its thumbnail."""
    kind = "progressive" if image.info.get("progressive") else _FORMATS.get(image.format or "", "")
    return round(image.width * image.height * _BYTES_LOADED.get(kind, 4))


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation of a loaded image; 1 for TIFF, which Pillow turns upright while loading."""
    for key in _XMP:
        # Where EXIF says nothing, Pillow asks these descriptions, which browsers do not.
        image.info.pop(key, None)
    value = image.getexif().get(_ORIENTATION)
    return value if isinstance(value, int) else 1


def _pages(image: Image.Image) -> list[Note]:
    if image.format == "MPO" or getattr(image, "n_frames", 1) == 1:
        return []
    mend = "Save the other pages as files of their own if they are wanted."
    return [Note("first_page", "The file has several pages or frames; only the first is used.", mend)]


def _fitted(rgb: Image.Image) -> Image.Image:
    """Shrink what is larger than a thumbnail; changes `rgb`."""
    rgb.thumbnail((THUMBNAIL_SIZE, THUMBNAIL_SIZE), Image.Resampling.HAMMING, reducing_gap=None)
    return rgb


def _as_jpeg(rgb: Image.Image) -> bytes:
    buffer = io.BytesIO()
    rgb.save(buffer, "JPEG", quality=_THUMBNAIL_QUALITY)
    return buffer.getvalue()


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
