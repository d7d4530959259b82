"""What happens around a training that must not confuse it, and what a person is told."""

import errno
import shutil
from pathlib import Path
from typing import Any

import pytest

from shared.bus.run import Cancelled, Run
from shared.errors import StudioError
from shared.store.files import DiskFull
from shared.store.lifecycle import RequestStop
from shared.taskkit import registry
from tests.support.generated import World
from tests.trainer.test_training import TASK, Interrupted, assert_same_weights, fails, metrics, train, weights

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "workspace", TASK)


@pytest.mark.parametrize("at", [1, 2, 3], ids=lambda step: f"at step {step} of an epoch of 3")
def test_a_loss_that_is_no_number_ends_the_training_within_a_step(
    world: World, monkeypatch: pytest.MonkeyPatch, at: int
):
    runtime = type(registry.runtime(TASK))
    calls = {"training": 0, "validation": 0}
    real, real_validate = runtime.training_loss, runtime.validate

    def training_loss(self: Any, *args: Any) -> Any:
        calls["training"] += 1
        return real(self, *args) * (float("nan") if calls["training"] == at else 1)

    def validate(self: Any, *args: Any) -> Any:
        calls["validation"] += 1
        return real_validate(self, *args)

    monkeypatch.setattr(runtime, "training_loss", training_loss)
    monkeypatch.setattr(runtime, "validate", validate)
    error = fails(world.training(world.experiment()))
    assert f"at step {at};" in error.message
    assert calls["training"] <= at + 1
    assert calls["validation"] == 0


def test_a_stop_while_it_starts_leaves_something_to_go_on_from(world: World):
    whole, stopped = world.experiment(), world.experiment()
    train(world.training(whole))
    run = world.training(stopped)
    world.workspace.jobs.apply(run.job.id, RequestStop())
    train(run)
    assert run.ended_early
    summary = world.workspace.experiments(world.project.id).get(stopped.id).summary
    assert (summary.epochs_done, summary.ended) == (0, "stopped")
    train(world.training(stopped, resume=True))
    assert_same_weights(weights(world, whole), weights(world, stopped))
    summary = world.workspace.experiments(world.project.id).get(stopped.id).summary
    assert summary.ended == "finished"


def test_a_disk_that_is_full_while_saving_is_said_and_the_training_goes_on_later(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    from shared.vision import checkpoints

    whole, full = world.experiment(), world.experiment()
    train(world.training(whole))
    real = checkpoints.write

    def no_room(content: Any, path: Path) -> None:
        if content["position"]["epoch"] == 2:
            path.write_bytes(b"half of it")
            raise OSError(errno.ENOSPC, "No space left on device")
        real(content, path)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "write", no_room)
        assert isinstance(error := fails(world.training(full)), DiskFull)
    assert error.code == "disk_full"
    store = world.workspace.experiments(world.project.id)
    assert {info.epoch for info in store.checkpoints(full.id)} == {1}
    assert not list((store.folder(full.id) / "checkpoints").glob(".tmp-*"))
    train(world.training(full, resume=True))
    assert_same_weights(weights(world, whole), weights(world, full))
    assert metrics(world, whole) == metrics(world, full)


def test_a_disk_too_full_for_charts_does_not_end_a_training(world: World, monkeypatch: pytest.MonkeyPatch):
    from shared.store.course import Course

    def no_room(*_: object) -> None:
        raise DiskFull("disk_full", "Full.")

    for name in ("append_steps", "append_samples"):
        monkeypatch.setattr(Course, name, no_room)
    experiment = world.experiment(epochs=1)
    train(world.training(experiment))
    assert len(metrics(world, experiment)) == 1


def test_a_checkpoint_of_another_architecture_is_said(world: World):
    one, other, *_ = registry.spec(TASK).architectures
    ours, theirs = world.experiment(architecture=one.id), world.experiment(architecture=other.id, epochs=1)
    train(Interrupted(world.training(ours), after=4, how="stop"))
    train(world.training(theirs))
    store = world.workspace.experiments(world.project.id)
    foreign = store.checkpoint_path(theirs.id, "last")
    store.save_checkpoint(ours.id, "last", lambda path: shutil.copyfile(foreign, path) and None, epoch=1, metric=0.5)
    assert fails(world.training(ours, resume=True)).code == "checkpoint_does_not_fit"
    assert [epoch for epoch, _, _ in metrics(world, ours)] == [1]


@pytest.mark.parametrize("gone", ["split", "dataset"])
def test_what_is_deleted_meanwhile_is_said_when_the_training_is_resumed(world: World, gone: str):
    experiment = world.experiment()
    train(Interrupted(world.training(experiment), after=4, how="stop"))
    if gone == "split":
        world.workspace.splits(world.project.id).delete(world.split.id)
    else:
        world.workspace.dataset(world.project.id).delete()
    error: StudioError = fails(world.training(experiment, resume=True))
    assert error.code == {"split": "split_deleted", "dataset": "dataset_revision_deleted"}[gone]
    store = world.workspace.experiments(world.project.id)
    assert {info.name for info in store.checkpoints(experiment.id)} == {"best", "last"}
    assert [epoch for epoch, _, _ in metrics(world, experiment)] == [1]


def test_a_second_run_of_the_same_job_writes_nothing(world: World):
    experiment = world.experiment()
    run = world.training(experiment)
    late = Run(world.workspace, run.job.model_copy(update={"epoch": run.job.epoch - 1}), world.settings)
    with pytest.raises(Cancelled):
        train(late)
    assert metrics(world, experiment) == []
    train(run)
    assert len(metrics(world, experiment)) == 3
