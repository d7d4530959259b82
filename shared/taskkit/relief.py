"""What to change of a training that does not fit into memory."""

from collections.abc import Mapping
from typing import Any, Final

from shared.schemas.experiment import Configuration
from shared.schemas.job import Offer
from shared.taskkit.parameters import TrainParams
from shared.taskkit.spec import TaskSpec

_SIZE_STEP: Final = 32


def memory_offer(spec: TaskSpec, configuration: Configuration) -> Offer | None:
    """Return the change that costs least: half the batch, with as many images an update; else a smaller image.

    None when nothing is left to be made smaller.
    """
    params = filled(spec.params, configuration.params)
    if (batch := _half_batch(params)) is not None:
        return batch
    return _smaller_image(spec, configuration, params)


def memory_hint(spec: TaskSpec, configuration: Configuration, *, on_gpu: bool) -> str:
    """Return in words what can be made smaller, and by how much."""
    params = filled(spec.params, configuration.params)
    ways = [offer.label for offer in (_half_batch(params), _smaller_image(spec, configuration, params)) if offer]
    if on_gpu and configuration.hardware.precision == "32":
        ways.append("precision 16-mixed, which needs about half the memory")
    if not on_gpu and configuration.hardware.loader_workers:
        ways.append("no loader workers")
    return f"Use {'; or '.join(ways)}." if ways else "Close other programs that use the memory."


def filled(model: type[TrainParams], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters with the defaults of the model for those that are missing."""
    return {**model().model_dump(mode="json"), **params}


def _half_batch(params: Mapping[str, Any]) -> Offer | None:
    batch = int(params["batch_size"])
    least = int(TrainParams.model_json_schema()["properties"]["batch_size"]["minimum"])
    half = max(least, batch // 2)
    if half == batch:
        return None
    accumulate = int(params["accumulate"]) * 2
    label = f"batch size {half} instead of {batch}, accumulated over {accumulate} batches"
    return Offer(label=label, params={"batch_size": half, "accumulate": accumulate})


def _smaller_image(spec: TaskSpec, configuration: Configuration, params: Mapping[str, Any]) -> Offer | None:
    architecture = spec.architecture(configuration.architecture)
    least = architecture.image_sizes[0] if architecture else _SIZE_STEP
    size = int(params["image_size"])
    smaller = max(least, int(size * 0.75) // _SIZE_STEP * _SIZE_STEP)
    if smaller >= size:
        return None
    return Offer(label=f"image size {smaller} px instead of {size} px", params={"image_size": smaller})
