"""When a training ends before its last epoch."""

from pathlib import Path

import pytest

from shared.taskkit.parameters import TrainParams
from tests.support.generated import World
from tests.trainer.test_training import TASK, Interrupted, assert_same_weights, metrics, train, weights

pytestmark = pytest.mark.slow
# Nothing is learned, so nothing improves after the first epoch.
STANDSTILL = {"early_stopping": True, "learning_rate": 1e-12, "weight_decay": 0, "epochs": 6}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "workspace", TASK)


def test_a_training_ends_when_its_patience_does_and_says_why(world: World, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    experiment = world.experiment(**STANDSTILL, patience=2)
    run = world.training(experiment)
    train(run)
    assert not run.ended_early, "the job has succeeded"
    assert [epoch for epoch, _, _ in metrics(world, experiment)] == [1, 2, 3]
    assert "early stopping after 3 epochs: val_accuracy has not been better" in caplog.text


def test_a_run_killed_after_the_last_save_trains_no_epoch_too_many(world: World):
    experiment = world.experiment(**STANDSTILL, patience=1)
    train(world.training(experiment))
    ended = weights(world, experiment)
    train(world.training(experiment, resume=True))
    assert [epoch for epoch, _, _ in metrics(world, experiment)] == [1, 2]
    assert_same_weights(ended, weights(world, experiment))


def test_without_val_images_it_goes_by_the_train_loss(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    world = World(tmp_path / "workspace", TASK, subsets=("train", "test"))
    experiment = world.experiment(**STANDSTILL, patience=1)
    train(world.training(experiment))
    losses = [values["train_loss"] for _, _, values in metrics(world, experiment)]
    worse = [at for at, loss in enumerate(losses) if at and loss >= min(losses[:at])]
    assert worse == [len(losses) - 1]
    assert "train_loss has not been better" in caplog.text


@pytest.mark.parametrize("after", [4, 7])
def test_counting_goes_on_where_it_was(world: World, after: int):
    params = {**STANDSTILL, "patience": 3, "scheduler": "plateau", "plateau_patience": 0}
    whole, halved = world.experiment(**params), world.experiment(**params)
    train(world.training(whole))
    train(Interrupted(world.training(halved), after=after, how="stop"))
    train(world.training(halved, resume=True))
    assert metrics(world, whole) == metrics(world, halved)
    assert len(metrics(world, whole)) == 4
    assert_same_weights(weights(world, whole), weights(world, halved))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("val_accuracy", True)),
        ({"early_stopping_metric": "val_loss"}, ("val_loss", False)),
        ({"early_stopping_metric": "val_loss", "early_stopping_mode": "max"}, ("val_loss", True)),
        ({"early_stopping_metric": "val_macro_f1", "early_stopping_mode": "min"}, ("val_macro_f1", False)),
    ],
)
def test_which_way_a_metric_improves(given: dict, expected: tuple[str, bool]):
    from services.trainer.stopping import watched_metric
    from shared.taskkit import registry

    assert watched_metric(registry.spec(TASK), TrainParams.model_validate(given), validates=True) == expected
