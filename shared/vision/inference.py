"""Predictions of a model over image records, in order."""

from collections.abc import Iterator, Sequence

import torch
from torch import nn

from shared.schemas.dataset import ImageRecord
from shared.taskkit.runtime import Blueprint, Prediction, TaskRuntime
from shared.vision.data import ImageDataset, ImagePath, checked, in_order, make_loader, no_target


def image_batches(
    records: Sequence[ImageRecord], path: ImagePath, image_size: int, batch_size: int
) -> Iterator[tuple[Sequence[ImageRecord], torch.Tensor]]:
    """Yield records with their images [N, 3, S, S], normalised, as validation sees them.

    Raises:
        StudioError: an image is damaged.
    """
    dataset = ImageDataset(records, path, no_target, (), image_size, seed=0)
    keys = in_order(len(records), batch_size)
    for batch, loaded in zip(keys, make_loader(dataset, keys, _stack, workers=0), strict=True):
        yield [records[key.index] for key in batch], checked(loaded).content


def predictions(
    runtime: TaskRuntime,
    blueprint: Blueprint,
    model: nn.Module,
    batches: Iterator[tuple[Sequence[ImageRecord], torch.Tensor]],
    device: torch.device,
) -> Iterator[tuple[ImageRecord, Prediction]]:
    """Yield each record with what the model, which is on `device` and in evaluation mode, says of it."""
    for records, images in batches:
        with torch.inference_mode():
            found = runtime.predict(model, images.to(device), records, blueprint)
        yield from zip(records, found, strict=True)


def _stack(samples: Sequence[tuple[torch.Tensor, None]]) -> torch.Tensor:
    return torch.stack([image for image, _ in samples])
