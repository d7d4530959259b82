"""What a training goes on from, and what it leaves alone, when files are damaged or its experiment is another's."""

from pathlib import Path

import pytest

from shared.bus.run import Cancelled, Run
from shared.schemas.experiment import Experiment
from tests.support.generated import World
from tests.trainer.test_training import TASK, Interrupted, assert_same_weights, fails, metrics, train, weights

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "workspace", TASK)


def damage(world: World, experiment: Experiment, *names: str) -> None:
    for name in names:
        path = world.workspace.experiments(world.project.id).checkpoint_path(experiment.id, name)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)


def test_a_damaged_last_checkpoint_is_replaced_by_the_best(world: World):
    whole, damaged = world.experiment(epochs=2), world.experiment(epochs=2)
    train(world.training(whole))
    train(Interrupted(world.training(damaged), after=4, how="stop"))
    damage(world, damaged, "last")
    train(world.training(damaged, resume=True))
    assert_same_weights(weights(world, whole), weights(world, damaged))
    assert metrics(world, whole) == metrics(world, damaged)


def test_damaged_checkpoints_are_said_and_nothing_is_erased(world: World):
    experiment = world.experiment(epochs=2)
    train(Interrupted(world.training(experiment), after=4, how="stop"))
    rows = metrics(world, experiment)
    damage(world, experiment, "last", "best")
    assert fails(world.training(experiment, resume=True)).code == "checkpoint_damaged"
    folder = world.workspace.experiments(world.project.id).folder(experiment.id) / "checkpoints"
    for path in folder.glob("*.ckpt"):
        path.unlink()
    assert fails(world.training(experiment, resume=True)).code == "checkpoint_damaged"
    assert metrics(world, experiment) == rows != []


@pytest.mark.parametrize("job_id", [None, "job-00000009"], ids=["restarted", "given to another job"])
def test_a_run_that_lost_its_experiment_publishes_nothing_more(world: World, job_id: str | None):
    experiment = world.experiment()
    store = world.workspace.experiments(world.project.id)

    class Superseded(Run):
        def progress(self, phase: str, done: float, *args: object, **kwargs: object) -> None:
            if phase == "training" and done == 4:
                store.update(experiment.id, lambda item: item.model_copy(update={"job_id": job_id}))
            super().progress(phase, done, *args, **kwargs)

    run = world.training(experiment)
    with pytest.raises(Cancelled):
        train(Superseded(run.workspace, run.job, run.settings))
    assert [epoch for epoch, _, _ in metrics(world, experiment)] == [1]
    assert {info.epoch for info in store.checkpoints(experiment.id)} == {1}


def test_a_deleted_experiment_is_not_brought_back(world: World):
    experiment = world.experiment()
    store = world.workspace.experiments(world.project.id)

    class Deleted(Run):
        def progress(self, phase: str, done: float, *args: object, **kwargs: object) -> None:
            if phase == "training" and done == 4:
                store.delete(experiment.id)
            super().progress(phase, done, *args, **kwargs)

    run = world.training(experiment)
    with pytest.raises(Cancelled):
        train(Deleted(run.workspace, run.job, run.settings))
    assert not store.folder(experiment.id).exists()
