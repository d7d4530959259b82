"""What a vision task is, as data. Light: the gateway reads it; nothing here reaches torch."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.errors import invalid_field
from shared.schemas.annotations import AnnotationKind
from shared.schemas.dataset import ImageRecord
from shared.schemas.experiment import AugmentationStep
from shared.taskkit.augmentations import TransformSpec
from shared.taskkit.parameters import EvaluationOptions, TrainParams, validated
from shared.taskkit.presets import PRESETS, Preset
from shared.taskkit.stopping import PRIMARY


@dataclass(frozen=True, slots=True)
class Architecture:
    """A model a person can choose. `parameters` is the count of weights with 1,000 outputs or as published."""

    id: str
    label: str
    parameters: int
    input_size: int
    """Side of the square input in pixels the published weights were trained at."""
    licence: str
    source: str
    notes: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Parameters whose default differs for this architecture."""
    image_sizes: tuple[int, int] = (32, 2048)
    """Smallest and largest side in pixels it can work at."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several named options."""

    value: str
    label: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """A number that says how good a model is."""

    key: str
    label: str
    help: str
    higher_is_better: bool = True
    primary: bool = False
    style: Literal["percent", "number"] = "percent"


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """Everything the core needs to know about a task without running it."""

    id: str
    label: str
    description: str
    icon: str
    """Name of an icon of the frontend."""
    annotation_kind: AnnotationKind
    params: type[TrainParams]
    architectures: tuple[Architecture, ...]
    losses: tuple[Choice, ...]
    metrics: tuple[MetricSpec, ...]
    import_formats: tuple[Choice, ...]
    """Ids of readers in `shared.taskkit.formats`, the usual ones first."""
    export_formats: tuple[Choice, ...]
    strata: Callable[[Iterable[ImageRecord], Mapping[int, str]], list[str]]
    """What a stratified split keeps in proportion: a label for each record, given class names by id. See `strata.py`.

    Records come as a stream that is read once; they must not be kept.
    """
    augmentations: tuple[AugmentationStep, ...]
    transforms: tuple[TransformSpec, ...]
    dataset_formats: tuple[Choice, ...] = ()
    """Ids of writers in `shared.taskkit.formats` for the dataset itself; the reader of each reads it back."""
    evaluation_options: type[EvaluationOptions] = EvaluationOptions
    """What a person may choose about how predictions are judged."""
    presets: tuple[Preset, ...] = PRESETS

    @property
    def primary_metric(self) -> MetricSpec:
        """The metric that decides which checkpoint is best."""
        return next(metric for metric in self.metrics if metric.primary)

    @property
    def primary_key(self) -> str:
        """The key in rows of metrics of the primary metric on the val images."""
        return f"val_{self.primary_metric.key}"

    def defaults(self, architecture: Architecture) -> dict[str, Any]:
        """Return the default of each training parameter for an architecture, as JSON values."""
        return {**self.params().model_dump(mode="json"), **architecture.overrides}

    def architecture(self, architecture_id: str) -> Architecture | None:
        """Return an architecture by id."""
        return next((item for item in self.architectures if item.id == architecture_id), None)

    def preset(self, preset_id: str) -> Preset | None:
        """Return a preset by id."""
        return next((item for item in self.presets if item.id == preset_id), None)

    def checked_params(self, values: Mapping[str, Any]) -> TrainParams:
        """Return training parameters, missing ones from the defaults.

        Raises:
            Invalid: with one entry a parameter, named `params.<parameter>`.
        """
        params = validated(self.params, values)
        if params.early_stopping_metric not in (known := self._stopping_metrics()):
            message = f"must be one of {', '.join(known)}"
            raise invalid_field("params.early_stopping_metric", message, code="invalid_parameters")
        return params

    def params_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the parameters, with the metrics of the task where one is chosen."""
        schema = self.params.model_json_schema()
        known = self._stopping_metrics()
        field = schema["properties"]["early_stopping_metric"]
        field["enum"] = list(known)
        field["form"]["labels"] = {value: label for value, (label, _) in known.items()}
        return schema

    def stopping_metric(self, choice: str) -> tuple[str, bool]:
        """Return the key in rows of metrics that a value of `early_stopping_metric` means, and if higher is better."""
        return self.primary_key if choice == PRIMARY else choice, self._stopping_metrics()[choice][1]

    def _stopping_metrics(self) -> dict[str, tuple[str, bool]]:
        """Return label and whether higher is better by the values of `early_stopping_metric`."""
        primary = self.primary_metric
        return {
            PRIMARY: (f"Key metric ({primary.label})", primary.higher_is_better),
            "val_loss": ("Val loss", False),
            **{f"val_{item.key}": (item.label, item.higher_is_better) for item in self.metrics},
        }
