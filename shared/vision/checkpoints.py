"""What a checkpoint holds, and how it is read: never by unpickling objects.

A checkpoint is a dictionary of tensors and plain values. From it alone the model can be built again (`blueprint`,
`model`), and a training goes on as if it had never stopped (the rest). Where weights are averaged, `model` holds the
average, `trained` the weights in training, and `updates` how many the average has seen.
"""

import hashlib
import pickle
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from lightning import Trainer
from torch import nn

from shared.errors import StudioError
from shared.taskkit import registry
from shared.taskkit.runtime import Blueprint, TaskRuntime
from shared.vision.module import TrainingModule

Name = Literal["best", "last"]
_FORMAT: Final = 1


@dataclass(slots=True)
class Position:
    """Where a training stands, and what it has gathered since the epoch began.

    `loss_sum` is over the images of the unfinished epoch. `best_metric` belongs to `best_epoch`, counted from 1.
    """

    epoch: int = 0
    """Epochs completed."""
    batch: int = 0
    """Batches completed of the next epoch: the position of the sampler."""
    step: int = 0
    loss_sum: float = 0.0
    loss_images: int = 0
    epoch_seconds: float = 0.0
    vanished: int = 0
    """Objects that augmentation moved out of their images in the unfinished epoch."""
    skipped: int = 0
    """Images that could not be read in the unfinished epoch."""
    epoch_times: dict[str, float] = field(default_factory=dict)
    """Where the seconds of the unfinished epoch went, as the trainer's clock counts them."""
    seconds: float = 0.0
    """Training time of all completed epochs."""
    best_epoch: int | None = None
    best_metric: float | None = None
    best: float | None = None
    """The best value of early stopping's metric; `waited` epochs have gone by without a better one."""
    waited: int = 0
    stopped_early: bool = False


def save(path: Path, trainer: Trainer, module: TrainingModule, blueprint: Blueprint, position: Position) -> None:
    """Write a checkpoint to `path`."""
    weights, average = module.model.state_dict(), module.average
    content = {
        "format": _FORMAT,
        "blueprint": blueprint.stored(),
        "model": weights if average is None else average.weights,
        **({} if average is None else {"trained": weights, "updates": average.updates}),
        "optimizer": trainer.optimizers[0].state_dict(),
        "scheduler": trainer.lr_scheduler_configs[0].scheduler.state_dict(),
        "scaler": trainer.precision_plugin.state_dict(),
        "position": asdict(position),
        "random": random_states(),
    }
    write(content, path)


def write(content: Mapping[str, Any], path: Path) -> None:
    """Write a checkpoint's content to `path`.

    Raises:
        OSError: the disk is full or cannot be written; torch would hide it behind an error of its own.
    """
    with path.open("wb") as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:
            if isinstance(error.__context__, OSError):
                raise error.__context__ from error
            raise


def load(path: Path, sha256: str | None = None) -> dict[str, Any]:
    """Read a checkpoint onto the CPU.

    Args:
        path: the file.
        sha256: what its content must hash to, where that is known.

    Raises:
        StudioError: the file is damaged, gone or not one of ours.
    """
    try:
        with path.open("rb") as file:
            if sha256 is not None and hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise _damaged(path.name, "its content is not what was written")
            file.seek(0)
            content: Any = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise _damaged(path.name, str(error).splitlines()[0]) from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise _damaged(path.name, "it was not written by this version of the studio")
    return content


def fill_training(module: TrainingModule, content: Mapping[str, Any]) -> None:
    """Put a checkpoint's weights into a module that goes on training, and its average.

    Raises:
        StudioError: they are another model's.
    """
    fill(module.model, content)
    if module.average is not None:
        module.average.restore(content["model"], content["updates"])
        fill(module.model, content, "trained")


def restore(content: Mapping[str, Any], trainer: Trainer) -> None:
    """Put optimizer, schedule, scaler and random states back, once the trainer has set them up."""
    trainer.optimizers[0].load_state_dict(content["optimizer"])
    trainer.lr_scheduler_configs[0].scheduler.load_state_dict(content["scheduler"])
    trainer.precision_plugin.load_state_dict(content["scaler"])
    set_random_states(content["random"])


def load_model(path: Path, sha256: str | None = None) -> tuple[TaskRuntime, Blueprint, nn.Module]:
    """Return the task's runtime, the blueprint and the model of a checkpoint, in evaluation mode on the CPU.

    Args:
        path: the checkpoint's file.
        sha256: what its content must hash to, where that is known.

    Raises:
        StudioError: the file is damaged, or this studio cannot build such a model.
    """
    content = load(path, sha256)
    blueprint = Blueprint.from_stored(content["blueprint"])
    runtime = registry.runtime(blueprint.spec.id)
    model = runtime.build(blueprint, None)
    fill(model, content)
    return runtime, blueprint, model.eval()


def fill(model: nn.Module, content: Mapping[str, Any], key: Literal["model", "trained"] = "model") -> None:
    """Put a checkpoint's weights into a model.

    Raises:
        StudioError: they are another model's.
    """
    try:
        model.load_state_dict(content[key])
    except RuntimeError as error:
        raise StudioError(
            "checkpoint_does_not_fit",
            "The weights of this checkpoint belong to another model.",
            hint="Restart the experiment to train it from the beginning.",
        ) from error


def random_states() -> dict[str, Any]:
    """Return the states of all random generators as tensors and plain values."""
    kind, keys, position, has_gauss, gauss = np.random.get_state()
    states: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [kind, [int(key) for key in keys], int(position), int(has_gauss), float(gauss)],
        "python": random.getstate(),
    }
    return states


def set_random_states(states: Mapping[str, Any]) -> None:
    """Put back what `random_states` returned; GPU states only where there are as many GPUs."""
    torch.set_rng_state(states["torch"])
    if len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])
    kind, keys, *rest = states["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))
    version, internal, gauss = states["python"]
    random.setstate((version, tuple(internal), gauss))


def _damaged(name: str, why: str) -> StudioError:
    return StudioError(
        "checkpoint_damaged",
        f"The checkpoint {name} cannot be read: {why}.",
        hint="Use the other checkpoint, or restart the experiment.",
    )
