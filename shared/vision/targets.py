"""Targets that hold objects: a dict with `boxes` and `labels` (and perhaps masks), as `tv_tensors` of one canvas."""

from typing import Any

from torchvision import tv_tensors
from torchvision.transforms import v2


def fitted(target: Any, height: int, width: int) -> Any:
    """Return a target for its image decoded at another size, in pixels; what has no place in an image stays."""
    if not isinstance(target, dict):
        return target
    return {name: _resized(value, height, width) for name, value in target.items()}


def object_count(target: Any) -> int:
    """Return how many objects a target holds."""
    return len(target["boxes"]) if isinstance(target, dict) and "boxes" in target else 0


def _resized(value: Any, height: int, width: int) -> Any:
    if isinstance(value, tv_tensors.BoundingBoxes):
        same = tuple(value.canvas_size) == (height, width)
    elif isinstance(value, tv_tensors.Mask):
        same = tuple(value.shape[-2:]) == (height, width)
    else:
        return value
    return value if same else v2.functional.resize(value, [height, width])
