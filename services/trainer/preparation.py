"""From an experiment's configuration to all that its training needs."""

import logging
from dataclasses import dataclass, replace
from typing import Any

import torch
from lightning import seed_everything

from shared.bus.run import Run
from shared.errors import NotFound, StudioError
from shared.schemas.dataset import ImageRecord
from shared.schemas.experiment import Experiment
from shared.taskkit import registry
from shared.taskkit.runtime import Blueprint, WeightSource
from shared.vision import checkpoints
from shared.vision.checkpoints import Position
from shared.vision.data import TrainingData, check_enough
from shared.vision.device import check_precision, choose_device
from shared.vision.module import TrainingModule
from shared.vision.subsets import load_legend, load_subsets

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A training ready to begin or to go on. `saved` is the checkpoint it goes on from."""

    blueprint: Blueprint
    device: torch.device
    data: TrainingData
    module: TrainingModule
    position: Position
    saved: dict[str, Any] | None
    validates: bool


def prepare(run: Run, experiment: Experiment, saved: dict[str, Any] | None) -> Prepared:
    """Read the data and build the model of an experiment.

    Raises:
        StudioError: something the configuration names is missing, or cannot be trained on.
    """
    configuration = experiment.configuration
    device = choose_device(configuration.hardware.device)
    check_precision(device, configuration.hardware.precision)
    task_id = run.workspace.projects.get(experiment.project_id).task
    legend = load_legend(run.workspace, experiment.project_id, configuration)
    blueprint = Blueprint.of(task_id, configuration.architecture, configuration.params, legend)
    train, val = _records(run, experiment, blueprint)
    blueprint = replace(blueprint, facts=registry.runtime(task_id).study(train, blueprint))
    data = _data(run, experiment, blueprint, train, val)
    position = Position(**saved["position"]) if saved else Position()
    data.start_epoch, data.start_batch = position.epoch, position.batch
    return Prepared(blueprint, device, data, _module(run, blueprint, data, saved), position, saved, bool(val))


def last_checkpoint(run: Run, experiment: Experiment) -> dict[str, Any] | None:
    """Return the checkpoint to go on from; None for a fresh start or when there is none yet.

    `last` if it is whole, else `best`, from which less is known but nothing is lost that training cannot redo.

    Raises:
        StudioError: there were checkpoints and none can be read.
    """
    if not goes_on(run):
        return None
    store = run.workspace.experiments(experiment.project_id)
    damage: StudioError | None = None
    for name in ("last", "best"):
        try:
            info = store.checkpoint(experiment.id, name)
            return checkpoints.load(store.checkpoint_path(experiment.id, info.file), info.sha256)
        except NotFound:
            continue
        except StudioError as error:
            log.warning("%s", error.message)
            damage = error
    if damage is not None:
        raise damage
    if store.saved_checkpoints(experiment.id) or len(store.metrics(experiment.id)) > 1:
        raise StudioError(
            "checkpoint_damaged",
            "The checkpoints of this experiment are missing or damaged; there is nothing to go on from.",
            hint="Put the files back from a backup, or restart the experiment, which drops its results.",
        )
    return None


def goes_on(run: Run) -> bool:
    """Whether the job goes on: it was asked to resume, or an earlier worker already held it."""
    return bool(run.payload.get("resume")) or run.job.epoch > 1


def _records(run: Run, experiment: Experiment, blueprint: Blueprint) -> tuple[list[ImageRecord], list[ImageRecord]]:
    """Return the records of train and val that a model can learn from."""
    runtime = registry.runtime(blueprint.spec.id)
    subsets = load_subsets(run.workspace, experiment.project_id, experiment.configuration, ("train", "val"))
    train, val = ([item for item in subsets[name] if runtime.learnable(item)] for name in ("train", "val"))
    check_enough(train, blueprint.params.batch_size)
    return train, val


def _data(
    run: Run, experiment: Experiment, blueprint: Blueprint, train: list[ImageRecord], val: list[ImageRecord]
) -> TrainingData:
    configuration = experiment.configuration
    runtime = registry.runtime(blueprint.spec.id)
    path = run.workspace.dataset(experiment.project_id).image_path
    workers = configuration.hardware.loader_workers
    return TrainingData(runtime, blueprint, configuration.augmentations, train, val, path, workers)


def _module(run: Run, blueprint: Blueprint, data: TrainingData, saved: dict[str, Any] | None) -> TrainingModule:
    seed_everything(blueprint.params.seed, verbose=False)
    runtime = registry.runtime(blueprint.spec.id)
    weights = None if saved else WeightSource.of(run.settings)
    model = runtime.build(blueprint, weights)
    module = TrainingModule(runtime, blueprint, model, data.batches_per_epoch, data.start_batch)
    if saved:
        checkpoints.fill_training(module, saved)
    return module
