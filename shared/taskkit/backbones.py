"""The image classification networks that tasks with one answer an image share, as rows of data."""

from pydantic import Field

from shared.taskkit.parameters import TrainParams, form
from shared.taskkit.spec import Architecture

_LICENCE = "BSD-3-Clause; weights trained on ImageNet-1k"
_PORTED = "BSD-3-Clause; weights from timm (Apache-2.0), trained on ImageNet-1k"


class BackboneParams(TrainParams):
    """Training parameters of these networks."""

    dropout: float = Field(
        0.2,
        ge=0,
        lt=1,
        title="Dropout",
        description="Share of the features left out at random in front of the last layer; works against overfitting.",
        json_schema_extra=form("Model"),
    )


BACKBONES: tuple[Architecture, ...] = (
    Architecture(
        "mobilenet_v3_small",
        "MobileNetV3 Small",
        2_542_856,
        224,
        _LICENCE,
        "torchvision",
        "Smallest and fastest; made for phones and processors without a GPU.",
        {"batch_size": 8},
    ),
    Architecture(
        "mobilenet_v3_large",
        "MobileNetV3 Large",
        5_483_032,
        224,
        _LICENCE,
        "torchvision",
        "More accurate than the small one and still quick on a processor.",
        {"batch_size": 16},
    ),
    Architecture(
        "resnet18",
        "ResNet-18",
        11_689_512,
        224,
        _LICENCE,
        "torchvision",
        "A robust all-rounder that trains well on little data.",
        {"dropout": 0.0},
    ),
    Architecture(
        "resnet34",
        "ResNet-34",
        21_797_672,
        224,
        _LICENCE,
        "torchvision",
        "Twice as deep as ResNet-18, for more images or finer differences.",
        {"dropout": 0.0},
    ),
    Architecture(
        "resnet50",
        "ResNet-50",
        25_557_032,
        224,
        _LICENCE,
        "torchvision",
        "The usual point of comparison; wants a GPU and at best pretrained weights.",
        {"dropout": 0.0},
    ),
    Architecture(
        "efficientnet_b0",
        "EfficientNet-B0",
        5_288_548,
        224,
        _PORTED,
        "torchvision",
        "Accurate for its size; slower to train than it looks, and best from pretrained weights.",
        {"batch_size": 16},
    ),
    Architecture(
        "efficientnet_b3",
        "EfficientNet-B3",
        12_233_232,
        300,
        _PORTED,
        "torchvision",
        "The most accurate one here, for fine detail; wants a GPU and pretrained weights.",
        # The nearest to 300 that halves five times.
        {"batch_size": 16, "image_size": 288, "dropout": 0.3},
    ),
)
"""`shared.vision.backbones.build_classifier` builds each of them from its id."""
