"""Parameters of when a training ends before its last epoch."""

from typing import Literal

from pydantic import Field

from shared.schemas.base import Model
from shared.taskkit.forms import form

PRIMARY = "primary"
_ON = {"early_stopping": True}


class EarlyStopping(Model):
    """Mixed into the parameters of all tasks. Which metrics there are, the task's spec knows."""

    early_stopping: bool = Field(
        False,
        title="Early stopping",
        description="End the training when a metric has stopped improving. The best epoch is kept either way.",
        json_schema_extra=form("Early stopping"),
    )
    early_stopping_metric: str = Field(
        PRIMARY,
        title="Metric",
        description="What has to improve. Without val images it is the train loss.",
        json_schema_extra=form("Early stopping", when=_ON),
    )
    early_stopping_mode: Literal["auto", "min", "max"] = Field(
        "auto",
        title="Better is",
        description="Which way the metric improves.",
        json_schema_extra=form(
            "Early stopping", when=_ON, labels={"auto": "As the metric says", "min": "Lower", "max": "Higher"}
        ),
    )
    patience: int = Field(
        10,
        ge=1,
        le=1000,
        title="Patience",
        description="Epochs without a new best after which the training ends.",
        json_schema_extra=form("Early stopping", unit="epochs", when=_ON),
    )
