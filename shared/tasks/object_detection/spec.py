"""Object detection: boxes around the objects of each image, with their classes."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from pydantic import Field

from shared.schemas.dataset import ImageRecord
from shared.taskkit.augmentations import FLAT, HORIZONTAL_FLIP, MOVING, OBJECT_CROP, PHOTOMETRIC_DISTORTION, ZOOM_OUT
from shared.taskkit.parameters import EvaluationOptions, TrainParams, form, inherited
from shared.taskkit.spec import Architecture, Choice, MetricSpec, TaskSpec
from shared.taskkit.strata import rarest_class

LOWEST_SCORE: Final = 0.05
"""Detections below it are never stored; average precision looks at all the others."""
MOST_DETECTIONS: Final = 100
"""Of one image, as COCO counts them."""


class Params(TrainParams):
    """Training parameters of a detector."""

    epochs: int = inherited("epochs", 50)
    batch_size: int = inherited("batch_size", 8)
    # From scratch a detector moves far from where it starts: the usual decay holds it back.
    weight_decay: float = inherited("weight_decay", 1e-4)
    learning_rate: float = inherited("learning_rate", 5e-4)
    image_size: int = Field(
        320,
        ge=64,
        le=2048,
        multiple_of=4,
        title="Image size",
        description="Side of the square the images are resized to. Small objects need a large one.",
        json_schema_extra=form("Model", unit="px"),
    )
    pretrained: bool = Field(
        False,
        title="Pretrained weights",
        description="Start from published weights. Needs them in the weights folder or the internet.",
        json_schema_extra=form("Model"),
    )
    pretrained_part: Literal["detector", "backbone"] = Field(
        "detector",
        title="What is pretrained",
        description="The whole detector has seen COCO's 80 everyday classes; a backbone alone knows ImageNet.",
        json_schema_extra=form(
            "Model",
            when={"pretrained": True},
            labels={"detector": "Detector (COCO)", "backbone": "Backbone (ImageNet)"},
        ),
    )


class Options(EvaluationOptions):
    """At which score and overlap a detection counts."""

    score: float = Field(
        0.5,
        ge=LOWEST_SCORE,
        le=1,
        title="Least score",
        description="Detections below it count as not made. Average precision looks at all scores.",
        json_schema_extra=form("Judging"),
    )
    iou: float = Field(
        0.5,
        gt=0,
        lt=1,
        title="Least IoU",
        description="Overlap with an object, intersection over union, from which a detection has found it.",
        json_schema_extra=form("Judging"),
    )


def strata(records: Iterable[ImageRecord], names: Mapping[int, str]) -> list[str]:
    """Return the rarest class of each image."""
    return rarest_class(records, names)


_LICENCE = "BSD-3-Clause; weights trained on COCO and ImageNet-1k"

SPEC = TaskSpec(
    id="object_detection",
    label="Object detection",
    description="Finds the objects of each image: a box and a class for each.",
    icon="scan",
    annotation_kind="box",
    params=Params,
    architectures=(
        Architecture(
            "fasterrcnn_mobilenet_v3_large_fpn",
            "Faster R-CNN MobileNetV3",
            19_386_354,
            800,
            _LICENCE,
            "torchvision",
            "Learns from few images and trains on a processor; a good first choice.",
            {"image_size": 320, "batch_size": 4},
            image_sizes=(64, 2048),
        ),
        Architecture(
            "ssdlite320_mobilenet_v3_large",
            "SSDLite MobileNetV3",
            3_440_060,
            320,
            _LICENCE,
            "torchvision",
            "Smallest and fastest; made for phones. Wants many epochs when it starts from scratch.",
            {"learning_rate": 1e-3},
            image_sizes=(64, 2048),
        ),
        Architecture(
            "fasterrcnn_resnet50_fpn",
            "Faster R-CNN ResNet-50",
            41_755_286,
            800,
            _LICENCE,
            "torchvision",
            "Two stages: slow and accurate, also for small objects. Wants a GPU.",
            {"image_size": 640, "batch_size": 4},
            image_sizes=(64, 2048),
        ),
        Architecture(
            "fcos_resnet50_fpn",
            "FCOS ResNet-50",
            32_269_600,
            800,
            _LICENCE,
            "torchvision",
            "One stage without anchors: for objects of unusual shapes. Wants a GPU.",
            {"image_size": 640, "batch_size": 4},
            image_sizes=(64, 2048),
        ),
        Architecture(
            "retinanet_resnet50_fpn",
            "RetinaNet ResNet-50",
            34_014_999,
            800,
            _LICENCE,
            "torchvision",
            "One stage with focal loss: for few objects on much background. Wants a GPU.",
            {"image_size": 640, "batch_size": 4},
            image_sizes=(64, 2048),
        ),
        Architecture(
            "ssd300_vgg16",
            "SSD300 VGG-16",
            35_641_826,
            300,
            _LICENCE,
            "torchvision",
            "A classic, fast on a GPU; laid out for 300 pixels.",
            {"image_size": 300},
            image_sizes=(300, 300),
        ),
    ),
    losses=(Choice("own", "The architecture's own", "Where the boxes are and what they hold, added up as published."),),
    metrics=(
        MetricSpec("map", "mAP", "Average precision over IoU 0.5 to 0.95, mean of the classes (COCO).", primary=True),
        MetricSpec("map_50", "mAP@0.5", "Average precision at IoU 0.5, mean of the classes."),
        MetricSpec("map_75", "mAP@0.75", "Average precision at IoU 0.75, mean of the classes: how well boxes fit."),
        MetricSpec("precision", "Precision", "Share of the detections above the least score that are right."),
        MetricSpec("recall", "Recall", "Share of the objects that are found with a score above the least one."),
        MetricSpec("map_small", "mAP small", "mAP of objects below 32 x 32 pixels of the original image."),
        MetricSpec("map_medium", "mAP medium", "mAP of objects from 32 x 32 to 96 x 96 pixels."),
        MetricSpec("map_large", "mAP large", "mAP of objects above 96 x 96 pixels."),
    ),
    import_formats=(
        Choice("coco", "COCO", "JSON files with images, categories and annotations"),
        Choice("pascal_voc", "Pascal VOC", "one XML file an image"),
        Choice("yolo", "YOLO", "one text file an image, with data.yaml, classes.txt or obj.names"),
        Choice("cvat", "CVAT", "one XML file of many images; of polygons and masks the box around them"),
        Choice("labelme", "LabelMe", "one XML file an image; of polygons the box around them"),
        Choice("labelme_json", "labelme JSON", "one JSON file an image; of polygons the box around them"),
        Choice("dota", "DOTA", "one text file an image, in labelTxt; of turned boxes the box around them"),
        Choice("createml", "Create ML", "JSON files that list images with annotations"),
        Choice("vott", "VoTT", "a JSON file with assets; of polygons the box around them"),
        Choice("icdar", "ICDAR", "one text file an image, gt_<image>.txt; a box for each text"),
        Choice("csv_boxes", "Table of boxes", "a CSV or text file with columns of file names, classes and coordinates"),
    ),
    dataset_formats=(
        Choice("coco", "COCO", "JSON files; keeps everything"),
        Choice("yolo", "YOLO", "one text file an image; keeps no crowds and no areas"),
        Choice("csv_boxes", "Table of boxes", "a CSV file with one row an object, and a list of the classes"),
    ),
    export_formats=(Choice("onnx", "ONNX", "Runs nearly everywhere; one image at a time."),),
    strata=strata,
    augmentations=(
        PHOTOMETRIC_DISTORTION.step(),
        ZOOM_OUT.step(),
        OBJECT_CROP.step(),
        HORIZONTAL_FLIP.step(),
    ),
    transforms=(*MOVING, OBJECT_CROP, *FLAT),
    evaluation_options=Options,
)
