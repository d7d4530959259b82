"""Regression: one or several numbers of each image."""

from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field

from shared.schemas.dataset import ImageRecord
from shared.taskkit.augmentations import COLOR_JITTER, FLAT, MOVING
from shared.taskkit.backbones import BACKBONES, BackboneParams
from shared.taskkit.parameters import form
from shared.taskkit.spec import Choice, MetricSpec, TaskSpec
from shared.taskkit.strata import binned


class Params(BackboneParams):
    """Training parameters of a regression. Losses are of targets in standard deviations of the train subset."""

    loss: Literal["mse", "l1", "huber"] = Field(
        "mse", title="Loss", description="What the training makes small.", json_schema_extra=form("Loss")
    )
    huber_delta: float = Field(
        1.0,
        gt=0,
        le=100,
        title="Huber delta",
        description="Error from which the loss grows in a line instead of a square.",
        json_schema_extra=form("Loss", unit="std", when={"loss": "huber"}),
    )


def strata(records: Iterable[ImageRecord], _names: Mapping[int, str]) -> list[str]:
    """Return the range the numbers of each image lie in."""
    return binned(records)


_ONE = "Only for one target: numbers in different units have no mean."

SPEC = TaskSpec(
    id="regression",
    label="Regression",
    description="Reads one or several numbers off each image, such as an angle or a weight.",
    icon="ruler",
    annotation_kind="value",
    params=Params,
    architectures=BACKBONES,
    losses=(
        Choice("mse", "Mean squared error", "Large errors count most; the usual choice."),
        Choice("l1", "Mean absolute error", "Every error counts by its size; calm about outliers."),
        Choice("huber", "Huber", "Squared for small errors, absolute for large ones (Huber 1964)."),
    ),
    metrics=(
        MetricSpec(
            "r2",
            "R²",
            "Share of the variance that is explained, mean of the targets; 0 is as good as always saying the mean.",
            primary=True,
            style="number",
        ),
        MetricSpec("mae", "MAE", f"Mean absolute error in the target's unit. {_ONE}", False, style="number"),
        MetricSpec(
            "rmse", "RMSE", f"Root of the mean squared error, in the target's unit. {_ONE}", False, style="number"
        ),
        MetricSpec("mse", "MSE", f"Mean squared error, in squares of the target's unit. {_ONE}", False, style="number"),
        MetricSpec(
            "median_ae", "Median error", f"Median absolute error in the target's unit. {_ONE}", False, style="number"
        ),
    ),
    import_formats=(
        Choice("csv_values", "Table of numbers", "a CSV file with a column of file names and one or more of numbers"),
    ),
    dataset_formats=(Choice("csv_values", "Table of numbers", "a CSV file with one row an image"),),
    export_formats=(Choice("onnx", "ONNX", "Runs nearly everywhere."),),
    strata=strata,
    # Geometry stays as it is: a flip or a turn would change what many targets mean.
    augmentations=(COLOR_JITTER.step(),),
    transforms=(*FLAT, *MOVING),
)
