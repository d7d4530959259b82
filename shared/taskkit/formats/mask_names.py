"""The classes of well-known sets of masks, whose files do not name them."""

import re
from collections.abc import Iterable
from pathlib import Path

from shared.taskkit.formats.rows import MaskValue

_VOC = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
_VOC_NAME = re.compile(r"\d{4}_\d{6}")
_CITYSCAPES_IDS = (
    *("unlabeled", "ego vehicle", "rectification border", "out of roi", "static", "dynamic", "ground", "road"),
    *("sidewalk", "parking", "rail track", "building", "wall", "fence", "guard rail", "bridge", "tunnel", "pole"),
    *("polegroup", "traffic light", "traffic sign", "vegetation", "terrain", "sky", "person", "rider", "car", "truck"),
    *("bus", "caravan", "trailer", "train", "motorcycle", "bicycle"),
)
_CITYSCAPES_TRAINED = (
    *("road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation"),
    *("terrain", "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle"),
)


def standard_values(masks: Iterable[Path]) -> dict[MaskValue, str]:
    """Return the class of each value in masks of Pascal VOC or Cityscapes, told by the files' names; else nothing."""
    listed = list(masks)
    values: dict[MaskValue, str] = {}
    if all(mask.stem.endswith("_labelTrainIds") for mask in listed):
        values.update(enumerate(_CITYSCAPES_TRAINED))
    elif all(mask.stem.endswith("_labelIds") for mask in listed):
        values.update(enumerate(_CITYSCAPES_IDS))
    elif all(mask.parent.name == "SegmentationClass" and _VOC_NAME.fullmatch(mask.stem) for mask in listed):
        for number, name in enumerate(_VOC):
            values[number] = values[_voc_colour(number)] = name
    return values


def _voc_colour(number: int) -> tuple[int, int, int]:
    """Return the colour of a class in Pascal VOC's palette: each third bit of its number, the lowest first."""
    red, green, blue = (
        sum(((number >> (3 * bit + channel)) & 1) << (7 - bit) for bit in range(3)) for channel in range(3)
    )
    return red, green, blue
