"""From an experiment's configuration to all that its training needs."""

from dataclasses import dataclass
from typing import Any

import torch
from lightning import seed_everything

from shared.bus.run import Run
from shared.errors import NotFound
from shared.schemas.experiment import Experiment
from shared.taskkit import registry
from shared.taskkit.runtime import Blueprint, WeightSource
from shared.vision import checkpoints
from shared.vision.checkpoints import Position
from shared.vision.data import TrainingData, check_enough
from shared.vision.device import choose_device
from shared.vision.module import TrainingModule
from shared.vision.subsets import load_classes, load_subsets


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
    task_id = run.workspace.projects.get(experiment.project_id).task
    classes = load_classes(run.workspace, experiment.project_id, configuration)
    blueprint = Blueprint.of(task_id, configuration.architecture, configuration.params, classes)
    data, validates = _data(run, experiment, blueprint)
    position = Position(**saved["position"]) if saved else Position()
    data.start_epoch, data.start_batch = position.epoch, position.batch
    return Prepared(blueprint, device, data, _module(run, blueprint, data, saved), position, saved, validates)


def last_checkpoint(run: Run, experiment: Experiment) -> dict[str, Any] | None:
    """Return the checkpoint to go on from; None for a fresh start or when there is none yet.

    A job goes on when it was asked to resume, and when an earlier worker already held it.
    """
    if not run.payload.get("resume") and run.job.epoch == 1:
        return None
    try:
        path = run.workspace.experiments(experiment.project_id).checkpoint_path(experiment.id, "last")
    except NotFound:
        return None
    return checkpoints.load(path)


def _data(run: Run, experiment: Experiment, blueprint: Blueprint) -> tuple[TrainingData, bool]:
    configuration = experiment.configuration
    runtime = registry.runtime(blueprint.spec.id)
    subsets = load_subsets(run.workspace, experiment.project_id, configuration, ("train", "val"))
    train, val = ([item for item in subsets[name] if runtime.learnable(item)] for name in ("train", "val"))
    runtime.check_training_data(train, blueprint)
    check_enough(train, blueprint.params.batch_size)
    path = run.workspace.dataset(experiment.project_id).image_path
    workers = configuration.hardware.loader_workers
    steps = configuration.augmentations
    return TrainingData(runtime, blueprint, steps, train, val, path, workers), bool(val)


def _module(run: Run, blueprint: Blueprint, data: TrainingData, saved: dict[str, Any] | None) -> TrainingModule:
    seed_everything(blueprint.params.seed, verbose=False)
    runtime = registry.runtime(blueprint.spec.id)
    weights = None if saved else WeightSource(run.settings.weights, run.settings.offline)
    model = runtime.build(blueprint, weights)
    if saved:
        checkpoints.fill(model, saved)
    return TrainingModule(runtime, blueprint, model, data.batches_per_epoch)
