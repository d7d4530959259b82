"""torchvision's detectors with heads of our own size, on the square images of our pipeline.

They come with a transform that resizes and normalises; ours replaces it, because images arrive resized and normalised.
So boxes that go in and come out are [x1, y1, x2, y2] in pixels of the square input of side S. Labels go from 1 to the
number of classes; 0 is the background, and with RetinaNet and FCOS an output nothing is ever taught to use.

`ssd300_vgg16` is laid out for S = 300 only. The others take any multiple of 32 from 64 up; their anchors have fixed
sizes in pixels from 32 (FCOS: objects of any size), except those of SSDLite, which are fractions of S.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models.detection.faster_rcnn import FasterRCNN
from torchvision.models.detection.fcos import FCOS
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.retinanet import RetinaNet
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.models.detection.ssd import SSD

from shared.taskkit.runtime import WeightSource
from shared.vision.augment import MEAN, STD
from shared.vision.backbones import quicken_statistics, silence_residuals
from shared.vision.detector_weights import Pretrained, fill, found_weights, freeze, taken

Target = Mapping[str, Tensor]
"""`boxes` float32 [n, 4] and `labels` int64 [n] of an image; n may be 0. Boxes must have an area."""
Detections = dict[str, Tensor]
"""`boxes` float32 [n, 4], `scores` [n] and `labels` int64 [n] of an image, best first."""

_BRANCHING: Final = (FasterRCNN, RegionProposalNetwork, RoIHeads, SSD, RetinaNet, FCOS)
"""Modules that give losses in training mode and detections otherwise."""
_SAMPLED_REGIONS: Final = 128
"""Regions of an image that Faster R-CNN's second stage learns from in a step, as Fast R-CNN does (Girshick 2015).

torchvision takes 512, which makes that stage most of the work of a step.
"""


_WITHOUT_EPSILON: Final = frozenset({"fasterrcnn_resnet50_fpn", "retinanet_resnet50_fpn"})
"""Published COCO weights that were trained with batch-norm layers whose epsilon is 0."""


def build_detector(
    architecture: str,
    classes: int,
    image_size: int,
    *,
    pretrained: Pretrained,
    freeze_backbone: bool,
    weights: WeightSource | None,
    lowest_score: float,
    most: int,
) -> nn.Module:
    """Return a torchvision detector for float32 batches [N, 3, S, S] normalised with `MEAN` and `STD`.

    Of pretrained weights every tensor is taken that fits by name and shape, so heads for other classes start fresh.
    Batch-norm layers that were taken keep their statistics (see `keep_frozen_statistics`). SSDLite's last layers are
    half as wide as those of the ImageNet network: with a pretrained backbone they start fresh, and are never frozen.

    Args:
        architecture: a name of torchvision's that `detector_weights` knows.
        classes: number of classes without the background.
        image_size: S, as the module says which.
        pretrained: what the training starts from.
        freeze_backbone: train only what does not come from the ImageNet network: pyramid, extra layers and heads.
        weights: where pretrained weights come from; None when a checkpoint will fill the model.
        lowest_score: detections below it are not given.
        most: detections an image at most.

    Raises:
        StudioError: the weights cannot be had, or are not those of this architecture (`weights_do_not_fit`).
    """
    model = _bare(architecture, classes, lowest_score, most)
    mean, std = _expected_normalisation(model) if pretrained != "none" else (MEAN, STD)
    model.transform = _SquareImages(image_size, mean, std)
    if pretrained == "none":
        quicken_statistics(model)
        silence_residuals(model)
        return model
    if weights is not None:
        fill(model, found_weights(architecture, pretrained, weights), architecture)
    freeze(model, taken(model, architecture, pretrained), freeze_backbone)
    if pretrained == "detector" and architecture in _WITHOUT_EPSILON:
        _drop_epsilon(model)
    return model


def detector_loss(model: nn.Module, images: Tensor, targets: Sequence[Target]) -> Tensor:
    """Return the sum of the detector's losses of a batch, the model in training mode."""
    losses: dict[str, Tensor] = model(images, targets)
    return torch.stack(list(losses.values())).sum()


@torch.no_grad()
def validation_pass(model: nn.Module, images: Tensor, targets: Sequence[Target]) -> tuple[Tensor, list[Detections]]:
    """Return the loss of a batch and the detections of its images, the model in evaluation mode.

    Statistics and the random state stay as they are; where a loss is computed on samples, they are the same each time.
    """
    backbone = model.backbone
    assert isinstance(backbone, nn.Module)
    model.backbone = _Computed(backbone(model.transform(images)[0].tensors))  # type: ignore[operator]
    try:
        with _giving_losses(model), _own_chance(images.device):
            loss = detector_loss(model, images, targets)
        return loss, model(images)
    finally:
        model.backbone = backbone


class ExportedDetector(nn.Module):
    """A detector in evaluation mode as it leaves the studio.

    It takes one image [1, 3, S, S] and returns boxes [D, 4], scores [D] and labels [D].
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what is found in the image."""
        found: Detections = self.model(images)[0]
        return found["boxes"], found["scores"], found["labels"]


class _SquareImages(nn.Module):
    """Stands for torchvision's transform: images keep their size and change from our normalisation to the model's."""

    scale: Tensor
    shift: Tensor

    def __init__(self, size: int, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self._size = size
        self._changes = (tuple(mean), tuple(std)) != (MEAN, STD)
        scale = torch.tensor(STD) / torch.tensor(std)
        shift = (torch.tensor(MEAN) - torch.tensor(mean)) / torch.tensor(std)
        self.register_buffer("scale", scale[:, None, None], persistent=False)
        self.register_buffer("shift", shift[:, None, None], persistent=False)

    def forward(self, images: Tensor, targets: Any = None) -> tuple[ImageList, Any]:
        """Return the batch as torchvision's models want it, and the targets untouched."""
        if self._changes:
            images = images * self.scale + self.shift
        return ImageList(images, [(self._size, self._size)] * images.shape[0]), targets

    def postprocess(self, result: list[Detections], *_: Any) -> list[Detections]:
        """Return the detections, those of label 0 left out; boxes stay as they are."""
        for item in result:
            named = item["labels"] > 0
            item.update({key: values[named] for key, values in item.items()})
        return result


class _Computed(nn.Module):
    """Stands for a backbone whose feature maps are known already."""

    def __init__(self, features: Any) -> None:
        super().__init__()
        self._features = features

    def forward(self, _: Tensor) -> Any:
        """Return the feature maps."""
        return self._features


@contextmanager
def _giving_losses(model: nn.Module) -> Iterator[None]:
    parts = [(part, part.training) for part in model.modules() if isinstance(part, _BRANCHING)]
    try:
        for part, _ in parts:
            part.training = True
        yield
    finally:
        for part, mode in parts:
            part.training = mode


@contextmanager
def _own_chance(device: torch.device) -> Iterator[None]:
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(0)
        yield


def _bare(architecture: str, classes: int, lowest_score: float, most: int) -> nn.Module:
    options: dict[str, float] = {"score_thresh": lowest_score, "detections_per_img": most}
    if architecture.startswith("fasterrcnn"):
        options = {f"box_{key}": value for key, value in options.items()}
        options["box_batch_size_per_image"] = _SAMPLED_REGIONS
        options["rpn_score_thresh"] = 0.0  # without any proposal an exported model cannot tell that it found nothing
    model: nn.Module = torchvision.models.get_model(
        architecture, weights=None, weights_backbone=None, num_classes=classes + 1, **options
    )
    return model


def _expected_normalisation(model: nn.Module) -> tuple[Sequence[float], Sequence[float]]:
    transform: Any = model.transform
    return transform.image_mean, transform.image_std


def _drop_epsilon(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 0.0
