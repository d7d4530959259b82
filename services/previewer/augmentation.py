"""What a pipeline of augmentations makes of images, for a person to look at."""

import base64
import io
from typing import Any, Final

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from shared.schemas.dataset import ImageRecord
from shared.schemas.experiment import AugmentationStep
from shared.settings import get_settings
from shared.store.workspace import Workspace
from shared.taskkit import registry
from shared.vision.annotated import as_annotations, as_target
from shared.vision.augment import MEAN, STD
from shared.vision.data import ImageDataset, Sample, SampleKey

_SHOWN_SIDE: Final = 512
"""Pixels along a side of a picture; larger inputs are shown smaller."""
_QUALITY: Final = 88


def preview(question: dict[str, Any]) -> dict[str, Any]:
    """Return each image without augmentation and some results of it, as a training with this seed would see them.

    Args:
        question: `project_id`, `revision` of the dataset, `image_ids`, `augmentations` (checked before), `image_size`
            in pixels, `seed`, and how many `results` an image. The same question has the same answer.

    Raises:
        NotFound: there is no such project, revision or image.
    """
    workspace = Workspace(get_settings().workspace)
    dataset = workspace.dataset(question["project_id"])
    overlay = registry.part(workspace.projects.get(question["project_id"]).task, "overlay")
    legend = dataset.revision(question["revision"]).legend
    records = dataset.records_of(question["revision"], question["image_ids"])
    steps = [AugmentationStep.model_validate(step) for step in question["augmentations"]]
    plain, changed = (
        ImageDataset(records, dataset.image_path, _target, pipeline, question["image_size"], question["seed"])
        for pipeline in ((), steps)
    )

    def drawn(sample: Sample, record: ImageRecord) -> dict[str, Any]:
        annotations = as_annotations(record.annotations, sample.target)
        shapes = overlay.truth_shapes(annotations, legend) if overlay else []
        told = [shape.model_dump(mode="json") for shape in shapes]
        return {"picture": _data_uri(sample.image), "shapes": told, "vanished": sample.vanished}

    def shown(index: int, record: ImageRecord) -> dict[str, Any]:
        keys = [SampleKey(epoch, index) for epoch in range(question["results"])]
        samples = [plain[SampleKey(0, index)], *(changed[key] for key in keys)]
        about = {"image_id": record.id, "filename": record.filename}
        for sample in samples:
            if not isinstance(sample, Sample):
                return {**about, "original": None, "results": [], "problem": f"It cannot be read: {sample.reason}."}
        original, *results = [drawn(sample, record) for sample in samples if isinstance(sample, Sample)]
        return {**about, "original": original, "results": results, "problem": None}

    return {"images": [shown(index, record) for index, record in enumerate(records)]}


def _target(record: ImageRecord) -> dict[str, Any] | None:
    return as_target(record.annotations, record.height, record.width)


def _data_uri(image: Tensor) -> str:
    """Return a normalised image [3, S, S] as a JPEG in an address."""
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    picture = functional.to_pil_image((image * std + mean).clamp(0, 1))
    picture.thumbnail((_SHOWN_SIDE, _SHOWN_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
