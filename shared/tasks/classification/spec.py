"""Classification: each image belongs to one class."""

from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field

from shared.schemas.dataset import ImageRecord
from shared.taskkit.augmentations import COLOR_JITTER, FLAT, HORIZONTAL_FLIP, MOVING, POLICIES, RANDOM_CROP
from shared.taskkit.backbones import BACKBONES, BackboneParams
from shared.taskkit.parameters import form
from shared.taskkit.spec import Choice, MetricSpec, TaskSpec


class Params(BackboneParams):
    """Training parameters of a classifier."""

    loss: Literal["cross_entropy"] = Field(
        "cross_entropy", title="Loss", description="What the training makes small.", json_schema_extra=form("Loss")
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        title="Label smoothing",
        description="Asks for a little less than certainty; helps when some labels are wrong.",
        json_schema_extra=form("Loss"),
    )


def strata(records: Iterable[ImageRecord], names: Mapping[int, str]) -> list[str]:
    """Return the name of each image's class."""
    shown = (next((item.class_id for item in record.annotations if item.kind == "label"), None) for record in records)
    return ["(no label)" if class_id is None else names[class_id] for class_id in shown]


SPEC = TaskSpec(
    id="classification",
    label="Classification",
    description="Sorts each image into one of several classes.",
    icon="tags",
    annotation_kind="label",
    params=Params,
    architectures=BACKBONES,
    losses=(Choice("cross_entropy", "Cross entropy", "The standard loss for one class an image."),),
    metrics=(
        MetricSpec("accuracy", "Accuracy", "Share of images with the right class.", primary=True),
        MetricSpec(
            "macro_precision", "Precision", "Share of right ones among those given a class, mean of the classes."
        ),
        MetricSpec("macro_recall", "Recall", "Share of a class that was found, mean of the classes."),
        MetricSpec("macro_f1", "F1", "Harmonic mean of precision and recall, mean of the classes."),
    ),
    import_formats=(
        Choice("class_folders", "Class folders", "one folder a class, perhaps inside train, val and test folders"),
        Choice(
            "imagenet_txt", "ImageNet lists", "train.txt with images and class numbers, synsets.txt with their names"
        ),
        Choice("csv_labels", "Table of labels", "a CSV or text file with a column of file names and one of classes"),
    ),
    dataset_formats=(
        Choice("class_folders", "Class folders", "one folder a class, inside of train, val and test folders"),
        Choice("csv_labels", "Table of labels", "a CSV file with one row an image, and a list of the classes"),
    ),
    export_formats=(Choice("onnx", "ONNX", "Runs nearly everywhere."),),
    strata=strata,
    augmentations=(RANDOM_CROP.step(), HORIZONTAL_FLIP.step(), COLOR_JITTER.step()),
    transforms=(*MOVING, *FLAT, *POLICIES),
)
