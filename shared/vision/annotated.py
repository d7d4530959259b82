"""Annotations through augmentation: as a target with the image, and back as annotations of what came of it."""

from collections.abc import Sequence
from typing import Any

import torch
from torchvision import tv_tensors

from shared.schemas.annotations import Annotation, BoxAnnotation, LabelAnnotation, ValueAnnotation


def as_target(annotations: Sequence[Annotation], height: int, width: int) -> dict[str, Any] | None:
    """Return the boxes of the annotations, corners in pixels, as a target; `labels` are their places in the list.

    None where there is no box: not all transforms take a target that could hold some.
    """
    found = [(at, item.bbox) for at, item in enumerate(annotations) if isinstance(item, BoxAnnotation)]
    if not found:
        return None
    corners = torch.tensor([[x, y, x + w, y + h] for _, (x, y, w, h) in found], dtype=torch.float32)
    made = tv_tensors.BoundingBoxes(corners, format="XYXY", canvas_size=(height, width))
    return {"boxes": made, "labels": torch.tensor([at for at, _ in found], dtype=torch.int64)}


def as_annotations(annotations: Sequence[Annotation], target: dict[str, Any] | None) -> list[Annotation]:
    """Return the annotations as they are after the target of `as_target` was augmented.

    Boxes are in pixels of the augmented image; those that have left it are left out. Labels and numbers have no place
    in an image and stay. Of all other kinds it is not known where they are, so that they are left out.
    """
    boxes = dict(zip(target["labels"].tolist(), target["boxes"].tolist(), strict=True)) if target else {}
    made: list[Annotation] = []
    for at, item in enumerate(annotations):
        if isinstance(item, LabelAnnotation | ValueAnnotation):
            made.append(item)
        elif isinstance(item, BoxAnnotation) and at in boxes:
            left, top, right, bottom = boxes[at]
            made.append(item.model_copy(update={"bbox": (left, top, right - left, bottom - top), "area": None}))
    return made
