"""The torch side of a task, as the core sees it. Training, evaluation and export never ask which task they run.

Nothing here reaches torch when it is imported; tensor types are named for type checkers only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from shared.errors import Conflict
from shared.schemas.base import Subset
from shared.schemas.dataset import ClassInfo, ImageRecord, Legend, TargetInfo
from shared.schemas.evaluation import ImageResult
from shared.settings import Settings
from shared.taskkit import registry
from shared.taskkit.parameters import EvaluationOptions, P, TrainParams
from shared.taskkit.spec import Architecture, TaskSpec

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

Prediction = dict[str, Any]
"""What a model says of one image, in the task's own shape, made of JSON values. Coordinates are pixels of the upright
image."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """All it takes to build a model again, apart from its weights. Outputs follow the order of `legend`."""

    spec: TaskSpec
    architecture: Architecture
    params: TrainParams
    legend: Legend
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the model has to know of the images it was trained on, as plain values (see `TaskRuntime.study`)."""

    @property
    def classes(self) -> list[ClassInfo]:
        """The classes of the dataset revision the model was trained on."""
        return self.legend.classes

    @property
    def targets(self) -> list[TargetInfo]:
        """The numbers of an image in that revision."""
        return self.legend.targets

    def params_as(self, model: type[P]) -> P:
        """Return the parameters as what they are for the task: an instance of its own model."""
        assert isinstance(self.params, model)
        return self.params

    def stored(self) -> dict[str, Any]:
        """Return the blueprint as plain values, for a checkpoint."""
        return {
            "task": self.spec.id,
            "architecture": self.architecture.id,
            "params": self.params.model_dump(mode="json"),
            **self.legend.model_dump(mode="json"),
            "facts": dict(self.facts),
        }

    @classmethod
    def of(cls, task_id: str, architecture_id: str, params: Mapping[str, Any], legend: Legend) -> "Blueprint":
        """Return the blueprint of a configuration.

        Raises:
            Conflict: this studio has no such architecture.
            Invalid: the parameters do not fit.
        """
        spec = registry.spec(task_id)
        if (architecture := spec.architecture(architecture_id)) is None:
            known = ", ".join(item.id for item in spec.architectures)
            raise Conflict(
                "architecture_not_found",
                f"{spec.label} has no architecture {architecture_id[:40]!r}.",
                hint=f"Choose one of: {known}.",
            )
        return cls(spec, architecture, spec.checked_params(params), legend)

    @classmethod
    def from_stored(cls, values: Mapping[str, Any]) -> "Blueprint":
        """Return the blueprint that `stored` wrote; raises as `of` does."""
        legend = Legend.model_validate({"classes": values["classes"], "targets": values.get("targets", [])})
        made = cls.of(values["task"], values["architecture"], values["params"], legend)
        return replace(made, facts=values.get("facts", {}))


@dataclass(frozen=True, slots=True)
class WeightSource:
    """Where published weights come from: `folder` (torch's cache if None), `mirror`, the internet into `folder`."""

    folder: Path | None
    mirror: Path | None
    offline: bool

    @classmethod
    def of(cls, settings: Settings) -> "WeightSource":
        """Return what the settings say."""
        return cls(settings.weights, settings.weights_mirror, settings.offline)


@dataclass(frozen=True, slots=True)
class Totals:
    """An evaluation in numbers: `metrics` by the keys of the spec, `details` in the task's own shape."""

    metrics: dict[str, float | None]
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ExportView:
    """A model as it leaves the studio.

    `module` takes a float32 batch of shape [N, 3, S, S], normalised as in training, and returns a tensor or a tuple of
    tensors named by `outputs`. `dynamic_axes` maps an input or output name to the axes whose size is free; where axis
    0 of the input is not among them, N is 1.
    """

    module: "nn.Module"
    input: str
    outputs: tuple[str, ...]
    dynamic_axes: Mapping[str, Mapping[int, str]]
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How close two predictions of one image are.

    `difference` is the largest one, in a measure without a unit; `same_decision` whether both say the same of it.
    """

    difference: float
    same_decision: bool


class ValidationMetrics(Protocol):
    """Metrics gathered over the batches of a validation."""

    def compute(self) -> Mapping[str, "Tensor"]:
        """Return the metrics by the keys of the spec, each a scalar."""
        ...

    def reset(self) -> None:
        """Forget what was gathered."""
        ...


class TaskRuntime(Protocol):
    """What a task must be able to do. Without state: everything a method needs is given to it."""

    def learnable(self, record: ImageRecord) -> bool:
        """Whether a model can learn from the record, or be judged by it."""
        ...

    def study(self, records: Sequence[ImageRecord], blueprint: Blueprint) -> dict[str, Any]:
        """Return what the model has to know of the learnable records of the train subset: the blueprint's `facts`.

        Raises:
            StudioError: nothing can be learned from them.
        """
        ...

    def build(self, blueprint: Blueprint, weights: WeightSource | None) -> "nn.Module":
        """Return the model, with pretrained weights where the parameters ask for them and a source is given.

        Raises:
            StudioError: the weights cannot be had.
        """
        ...

    def encode(self, record: ImageRecord, blueprint: Blueprint) -> Any:
        """Return the target of a learnable record, before augmentation.

        Boxes and masks are `tv_tensors` in pixels of the upright image, in a dict; its `labels` go with its `boxes`:
        objects that augmentation moves out of the image leave both.
        """
        ...

    def collate(self, samples: "Sequence[tuple[Tensor, Any]]") -> Any:
        """Return a batch of augmented (image [3, S, S], target) samples; tensors in it are moved to the device."""
        ...

    def training_loss(self, model: "nn.Module", batch: Any, blueprint: Blueprint) -> "Tensor":
        """Return the scalar loss of a batch, the model in training mode."""
        ...

    def validation_metrics(self, blueprint: Blueprint) -> ValidationMetrics:
        """Return fresh metrics; an `nn.Module`, so that they follow the model to its device."""
        ...

    def validate(self, model: "nn.Module", batch: Any, metrics: Any, blueprint: Blueprint) -> "Tensor":
        """Add a batch to what `validation_metrics` returned and return its loss, the model in evaluation mode."""
        ...

    def predict(
        self, model: "nn.Module", images: "Tensor", records: Sequence[ImageRecord], blueprint: Blueprint
    ) -> list[Prediction]:
        """Return one prediction an image of the batch [N, 3, S, S], the model in evaluation mode."""
        ...

    def score(
        self,
        record: ImageRecord,
        subset: Subset,
        prediction: Prediction,
        blueprint: Blueprint,
        options: EvaluationOptions,
    ) -> ImageResult:
        """Judge a prediction by the record's annotations; `options` are the spec's."""
        ...

    def aggregate(self, results: Sequence[ImageResult], blueprint: Blueprint, options: EvaluationOptions) -> Totals:
        """Return the totals over images that `score` judged with the same options."""
        ...

    def export_view(self, model: "nn.Module", blueprint: Blueprint) -> ExportView:
        """Return the model as it leaves the studio, in evaluation mode."""
        ...

    def read_outputs(
        self, outputs: "Mapping[str, np.ndarray]", records: Sequence[ImageRecord], blueprint: Blueprint
    ) -> list[Prediction]:
        """Return what the outputs of an exported model mean, one prediction an image of the batch."""
        ...

    def compare(self, expected: Prediction, actual: Prediction, blueprint: Blueprint) -> Agreement:
        """Compare the checkpoint's prediction with the exported model's."""
        ...
