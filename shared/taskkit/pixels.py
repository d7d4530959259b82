"""From every kind of pixel to 8-bit RGB, and the two numbers a record keeps of an image. No torch.

How values become 8 bits follows from their type alone, never from the values of one image: what is equally bright in
two images stays equally bright for a model, in training and wherever it is used later.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from shared.errors import Invalid

_BAND: Final = 2**20
"""Pixels that are converted at a time: floats take eight bytes each."""
_DIM: Final = 1 / 8
"""Images that use less of their range than this are nearly black."""
_BITS_PER_SAMPLE: Final = 258
_PHOTOMETRIC: Final = 262


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should know of an image that was read: a stable code, a sentence, what can be done."""

    code: str
    message: str
    mend: str


@dataclass(frozen=True, slots=True)
class _Scale:
    """Values from 0 to `white` become black to white; `words` name them."""

    white: float
    words: str


def to_rgb(image: Image.Image, needed: tuple[int, int]) -> tuple[Image.Image, list[Note]]:
    """Return an image as 8-bit RGB, and what was done to get there. Loads the image.

    It is reduced by the largest whole number that leaves the `needed` width and height. What has other values than
    the result is converted in bands: beside the loaded pixels, only the result takes memory that grows with the image.

    - Integers of 9 to 16 bits keep their upper eight: 0 is black, and white is the largest value their declared number
      of bits can hold, whatever values an image has. A camera of 12 bits whose values lie in a 16-bit file gives
      images that are nearly black, and a note.
    - Signed 16-bit integers: 0 to 32,767. 32-bit integers are taken as 16-bit values in a larger box: 0 to 65,535.
    - Floats: 0 to 1. What lies outside of a range is clipped; not-a-number is black.
    - Transparent pixels show white behind them.
    - CMYK by the plain formula, without colour profiles; palettes by their colours.

    Raises:
        Invalid: its colour space is not read.
    """
    deep, scale = _is_deep(image), _scale(image)
    image.load()
    if image.mode == "LAB":
        raise Invalid("unknown_image_format", "Images in the colour space LAB are not read.", hint="Save it as RGB.")
    factor = max(1, min(image.width // needed[0], image.height // needed[1]))
    if scale is not None:
        return _scaled(image, scale, factor)
    notes = [_scaled_note(_Scale(65535, "16-bit"))] if deep else []
    if image.has_transparency_data:
        rgb, more = _on_white(image, factor)
        return rgb, notes + more
    if image.mode == "RGB":
        return image.reduce(factor), notes
    return _in_bands(image, factor, lambda band: band.convert("RGB")), notes


def _in_bands(image: Image.Image, factor: int, see: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """Return an image as RGB, reduced, with `see` making 8-bit grey or RGB of a band of full width."""
    out = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    rows = factor * max(1, _BAND // (image.width * factor))
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        out.paste(see(band).reduce(factor).convert("RGB"), (0, top // factor))
    return out


def _on_white(image: Image.Image, factor: int) -> tuple[Image.Image, list[Note]]:
    """Return an image that has transparent pixels on white, reduced."""
    blank = True

    def see(band: Image.Image) -> Image.Image:
        nonlocal blank
        if band.mode in ("La", "RGBa"):
            band = band.convert({"La": "LA", "RGBa": "RGBA"}[band.mode])
        layer = band.convert("RGBA")
        blank = blank and layer.getchannel("A").getbbox() is None
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")

    rgb = _in_bands(image, factor, see)
    if not blank:
        return rgb, []
    mend = "Save the image without its alpha channel if something else should be seen."
    return rgb, [Note("transparent_image", "All of the image is transparent; it is seen as white.", mend)]


def brightness(grey: Image.Image) -> float:
    """Return the mean of an 8-bit grey image, 0 to 255."""
    counts = grey.histogram()
    return round(sum(value * count for value, count in enumerate(counts)) / sum(counts), 2)


def perceptual_hash(grey: Image.Image) -> str:
    """Return 16 hex digits of which near duplicates differ in few of the 64 bits.

    The hash by discrete cosine transform of C. Zauner, "Implementation and benchmarking of perceptual image hash
    functions" (2010): 32 x 32 grey values, the 8 x 8 lowest frequencies without the constant ones, and a bit for each
    that is above their median. Shrinking by averages takes the place of its mean filter.

    Args:
        grey: upright 8-bit grey image of any size, from the thumbnail's pixels.
    """
    small = np.asarray(grey.resize((32, 32), Image.Resampling.BOX), np.float64)
    # Rounded, so that what is zero but for the order of additions is zero on every machine.
    low = (_COSINES @ small @ _COSINES.T).round(6)
    ranked = sorted(low.ravel().tolist())
    return np.packbits(low > (ranked[31] + ranked[32]) / 2).tobytes().hex()


_COSINES: Final = np.cos(np.pi / 32 * np.arange(1, 9)[:, None] * (np.arange(32) + 0.5)) / 4
"""Rows 1 to 8 of the orthonormal DCT-II of 32 values, [8, 32]."""


def _is_deep(image: Image.Image) -> bool:
    """Whether the file has 16-bit samples, of which Pillow itself may drop the lower halves; known before loading."""
    return any(";16" in str(tile) for tile in getattr(image, "tile", ()))


def _scale(image: Image.Image) -> _Scale | None:
    """Return how the values of an image with one deep channel become 8 bits, or None for 8-bit images."""
    if image.mode.startswith("I;16"):
        bits = _tag(image, _BITS_PER_SAMPLE, 16)
        return _Scale(2**bits - 1, f"{bits}-bit")
    if image.mode == "I":
        if _tag(image, _BITS_PER_SAMPLE, 32) == 16:
            return _Scale(32767, "signed 16-bit")
        return _Scale(65535, "32-bit integer")
    return _Scale(1, "floating-point") if image.mode == "F" else None


def _tag(image: Image.Image, number: int, default: int) -> int:
    """Return the first value of a TIFF tag."""
    value = getattr(image, "tag_v2", {}).get(number, default)
    return int(value[0] if isinstance(value, tuple) else value)


def _scaled(image: Image.Image, scale: _Scale, factor: int) -> tuple[Image.Image, list[Note]]:
    """Return an image with one deep channel, reduced."""
    low, high = np.inf, -np.inf
    # Pillow turns values around where 0 is white only up to 8 bits.
    inverted = _tag(image, _PHOTOMETRIC, 1) == 0

    def see(band: Image.Image) -> Image.Image:
        nonlocal low, high
        values = np.nan_to_num(np.asarray(band))
        low, high = min(low, float(values.min())), max(high, float(values.max()))
        grey = Image.fromarray(_eight_bits(values, scale))
        return ImageOps.invert(grey) if inverted else grey

    rgb = _in_bands(image, factor, see)
    return rgb, [_scaled_note(scale, low, high)]


def _eight_bits(band: npt.NDArray[np.generic], scale: _Scale) -> npt.NDArray[np.uint8]:
    step = scale.white + 1 if scale.white > 1 else 1
    clipped: npt.NDArray[np.uint8] = (band.astype(np.float64) * (256 / step)).clip(0, 255).astype(np.uint8)
    return clipped


def _scaled_note(scale: _Scale, low: float = 0, high: float | None = None) -> Note:
    rule = f"The image has {scale.words} values; 0 to {scale.white:,.0f} are seen as black to white"
    high = scale.white if high is None else high
    if low < 0 or high > scale.white:
        mend = f"Bring the values of all images into 0 to {scale.white:,.0f} alike, or save them as 8-bit images."
        return Note("values_clipped", f"{rule}. This one has {low:,.5g} to {high:,.5g}, which is clipped.", mend)
    if high < scale.white * _DIM:
        mend = "Multiply the values of all images by the same number (16 for a 12-bit camera) and import again."
        return Note("values_dark", f"{rule}. This one has none above {high:,.5g} and is nearly black.", mend)
    return Note("values_scaled", f"{rule}.", "Nothing to do; a model sees 256 levels.")
