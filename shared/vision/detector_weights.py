"""Which published weights a torchvision detector may start from, and where their tensors sit in it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import MobileNet_V3_Large_Weights, ResNet50_Weights, VGG16_Weights, WeightsEnum

from shared.errors import StudioError
from shared.taskkit.runtime import WeightSource
from shared.vision.weights import fetched, pretrained_weights

Pretrained = Literal["none", "backbone", "detector"]
"""What a training starts from: nothing, a backbone trained on ImageNet, or a whole detector trained on COCO."""
_ENOUGH: Final = 0.6
"""Share of the published tensors that must fit; the rest are heads for other classes."""


@dataclass(frozen=True, slots=True)
class _Backbone:
    """An ImageNet network inside a detector: its name, its weights, and where a tensor of it sits in the detector."""

    architecture: str
    weights: WeightsEnum
    rename: Callable[[str], str]


def _in_resnet_pyramid(name: str) -> str:
    return f"backbone.body.{name}"


def _in_mobilenet_pyramid(name: str) -> str:
    return name.replace("features.", "backbone.body.", 1)


def _in_ssd(name: str) -> str:
    """VGG-16 is cut before its fourth pooling, layer 23, which opens the first extra block."""
    return _moved(
        name, r"features\.(\d+)", lambda layer: f"features.{layer}" if layer < 23 else f"extra.0.{layer - 23}"
    )


def _in_ssdlite(name: str) -> str:
    """MobileNetV3 is cut inside block 13, behind its expansion."""
    name = re.sub(r"^features\.13\.block\.([1-9])", r"backbone.features.1.0.\1", name)
    name = re.sub(r"^features\.13\.block\.0", "backbone.features.0.13", name)
    return _moved(name, r"features\.(\d+)", lambda layer: f"features.{layer // 13}.{layer - 13 * (layer > 13)}")


def _moved(name: str, pattern: str, place: Callable[[int], str]) -> str:
    return re.sub(f"^{pattern}", lambda found: f"backbone.{place(int(found[1]))}", name)


_RESNET: Final = _Backbone("resnet50", ResNet50_Weights.IMAGENET1K_V1, _in_resnet_pyramid)
_BACKBONES: Final[Mapping[str, _Backbone]] = {
    "fasterrcnn_resnet50_fpn": _RESNET,
    "fasterrcnn_mobilenet_v3_large_fpn": _Backbone(
        "mobilenet_v3_large", MobileNet_V3_Large_Weights.IMAGENET1K_V1, _in_mobilenet_pyramid
    ),
    "fcos_resnet50_fpn": _RESNET,
    "retinanet_resnet50_fpn": _RESNET,
    "ssd300_vgg16": _Backbone("vgg16", VGG16_Weights.IMAGENET1K_FEATURES, _in_ssd),
    "ssdlite320_mobilenet_v3_large": _Backbone(
        "mobilenet_v3_large", MobileNet_V3_Large_Weights.IMAGENET1K_V1, _in_ssdlite
    ),
}
"""What torchvision's builders use."""


def found_weights(architecture: str, pretrained: Pretrained, source: WeightSource) -> dict[str, Tensor]:
    """Return published tensors by their names in the detector; raises as `pretrained_weights` does."""
    if pretrained == "detector":
        return pretrained_weights(architecture, source)
    backbone = _BACKBONES[architecture]
    return {backbone.rename(name): tensor for name, tensor in fetched(backbone.weights, source).items()}


def fill(model: nn.Module, found: Mapping[str, Tensor], architecture: str) -> None:
    """Put what fits by name and shape into the model.

    Raises:
        StudioError: hardly anything fits.
    """
    own = model.state_dict()
    fitting = {name: tensor for name, tensor in found.items() if name in own and own[name].shape == tensor.shape}
    if len(fitting) < _ENOUGH * len(found):
        raise StudioError(
            "weights_do_not_fit",
            f"Of the {len(found)} tensors in the pretrained weights only {len(fitting)} fit into {architecture}.",
            hint="The file in the weights folder belongs to another model. Copy the right one there under its name.",
        )
    model.load_state_dict(fitting, strict=False)


def taken(model: nn.Module, architecture: str, pretrained: Pretrained) -> set[str]:
    """Return the names of the parameters that pretrained weights fill and that belong to the ImageNet network.

    They follow from the shapes alone, so that a model built without weights has the same ones.
    """
    backbone = _BACKBONES[architecture]
    with torch.device("meta"):
        published = torchvision.models.get_model(backbone.architecture, weights=None).named_parameters()
    shapes = {backbone.rename(name): parameter.shape for name, parameter in published}
    whole = pretrained == "detector"
    return {
        name
        for name, parameter in model.named_parameters()
        if name in shapes and (whole or parameter.shape == shapes[name])
    }


def freeze(model: nn.Module, taken: set[str], freeze_backbone: bool) -> None:
    """Freeze the batch-norm layers among the parameters in `taken`, or all of these."""
    for name, module in model.named_modules():
        norm = isinstance(module, nn.BatchNorm2d)
        for key, parameter in module.named_parameters(recurse=False):
            if f"{name}.{key}" in taken and (norm or freeze_backbone):
                parameter.requires_grad = False
