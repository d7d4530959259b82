"""Images that cannot be read cost a training nothing but themselves, until they are too many."""

from pathlib import Path

import pytest

from shared.schemas.dataset import ImageRecord
from tests.support.generated import World
from tests.trainer.test_training import TASK, Interrupted, assert_same_weights, fails, metrics, train, weights

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "workspace", TASK, per_class=40)


def record_of(world: World, image_id: str) -> ImageRecord:
    return next(item for item in world.workspace.dataset(world.project.id).records() if item.id == image_id)


def damage(world: World, image_id: str) -> ImageRecord:
    record = record_of(world, image_id)
    path = world.workspace.dataset(world.project.id).image_path(record)
    path.write_bytes(path.read_bytes()[:300])
    return record


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_image_is_left_out_counted_and_listed_once(world: World, workers: int):
    broken = damage(world, world.split.assignment["train"][3])
    gone = record_of(world, world.split.assignment["val"][1])
    world.workspace.dataset(world.project.id).image_path(gone).unlink()
    experiment = world.experiment(workers=workers, epochs=2)
    train(world.training(experiment))
    store = world.workspace.experiments(world.project.id)
    listed = {item.filename: item for item in store.course(experiment.id).skipped()}
    assert {name: (item.subset, item.epoch) for name, item in listed.items()} == {
        broken.filename: ("train", 1),
        gone.filename: ("val", 1),
    }
    assert listed[gone.filename].reason == "No such file or directory"
    assert len(store.course(experiment.id).skipped()) == 2
    assert [row.skipped_images for row in store.metrics(experiment.id)] == [2, 2]
    assert store.get(experiment.id).summary.skipped_images == 2


def test_a_batch_without_a_readable_image_is_skipped_and_resume_stays_exact(world: World):
    from shared.vision.data import EpochBatches

    train_ids = world.split.assignment["train"]
    [first, *_] = EpochBatches(len(train_ids), 2, 0, 0)
    seed_zero = {"batch_size": 2, "epochs": 2, "seed": 0}
    for key in first:
        damage(world, train_ids[key.index])
    whole, halved, loaded = (world.experiment(workers=workers, **seed_zero) for workers in (0, 0, 2))
    train(world.training(whole))
    train(world.training(loaded))
    train(Interrupted(world.training(halved), after=3, how="stop"))
    train(world.training(halved, resume=True))
    for other in (halved, loaded):
        assert_same_weights(weights(world, whole), weights(world, other))
        assert metrics(world, whole) == metrics(world, other)


@pytest.mark.parametrize("workers", [0, 1])
def test_too_many_damaged_images_end_the_training_and_some_are_named(world: World, workers: int):
    damaged = [damage(world, image_id) for image_id in world.split.assignment["train"][:3]]
    error = fails(world.training(world.experiment(workers=workers)))
    assert error.code == "too_many_unreadable_images"
    assert error.message.startswith("3 of 48 train images")
    assert all(record.filename in error.message for record in damaged)


def test_a_dataset_that_is_cleared_meanwhile_is_said(world: World):
    experiment = world.experiment(epochs=50)
    run = world.training(experiment)

    class Cleared(type(run)):  # type: ignore[misc]
        def progress(self, phase: str, done: float, *args: object, **kwargs: object) -> None:
            if phase == "training" and done == 4:
                world.workspace.dataset(world.project.id).delete()
            super().progress(phase, done, *args, **kwargs)

    error = fails(Cleared(run.workspace, run.job, run.settings))
    assert error.code == "too_many_unreadable_images"
    assert "No such file" in error.message
