"""The image classification networks that tasks with one answer an image share, as rows of data."""

from shared.taskkit.spec import Architecture

_LICENCE = "BSD-3-Clause; weights trained on ImageNet-1k"

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
        "resnet18",
        "ResNet-18",
        11_689_512,
        224,
        _LICENCE,
        "torchvision",
        "A robust all-rounder that trains well on little data.",
    ),
)
"""`shared.vision.backbones.build_classifier` builds each of them from its id."""
