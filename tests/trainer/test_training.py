import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.bus.run import Cancelled, Run, Yielded
from shared.errors import Conflict, StudioError
from shared.schemas.experiment import Experiment
from shared.schemas.job import Job
from shared.store.lifecycle import Lose, RequestCancel, Yield
from tests.support.generated import World

pytestmark = pytest.mark.slow
TASK = "classification"


class Interrupted(Run):
    """A run that a person stops, or whose worker shuts down, once it has done some steps."""

    def __init__(self, run: Run, *, after: int, how: str) -> None:
        super().__init__(run.workspace, run.job, run.settings)
        self._after = after
        self._how = how
        self._reached = False

    def progress(self, phase: str, done: float, *args: object, **kwargs: object) -> None:
        self._reached |= phase == "training" and done >= self._after
        super().progress(phase, done, *args, **kwargs)

    @property
    def stop_requested(self) -> bool:
        return self._reached and self._how == "stop"

    @property
    def yield_requested(self) -> bool:
        return self._reached and self._how == "yield"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "workspace", TASK)


def train(run: Run) -> dict:
    from services.trainer.run import work

    return work(run)


def weights(world: World, experiment: Experiment, name: str = "last", key: str = "model") -> dict:
    from shared.vision import checkpoints

    path = world.workspace.experiments(world.project.id).checkpoint_path(experiment.id, name)
    return checkpoints.load(path)[key]


def assert_same_weights(ours: dict, theirs: dict) -> None:
    import torch

    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []


def metrics(world: World, experiment: Experiment) -> list[tuple[int, int, dict]]:
    rows = world.workspace.experiments(world.project.id).metrics(experiment.id)
    return [(row.epoch, row.step, row.metrics) for row in rows]


def test_a_training_leaves_rows_checkpoints_summary_and_news(world: World):
    experiment = world.experiment()
    run = world.training(experiment)
    result = train(run)
    store = world.workspace.experiments(world.project.id)
    rows = store.metrics(experiment.id)
    assert [(row.epoch, row.step) for row in rows] == [(1, 3), (2, 6), (3, 9)]
    assert set(rows[0].metrics) == {
        "train_loss",
        "val_loss",
        "val_accuracy",
        "val_macro_precision",
        "val_macro_recall",
        "val_macro_f1",
    }
    assert all(row.images_per_second > 0 and row.seconds > 0 and row.learning_rate > 0 for row in rows)
    best = max(rows, key=lambda row: row.metrics["val_accuracy"] or 0)
    listed = {info.name: info for info in store.checkpoints(experiment.id)}
    assert (listed["best"].epoch, listed["best"].metric) == (best.epoch, best.metrics["val_accuracy"])
    assert listed["last"].epoch == 3
    summary = store.get(experiment.id).summary
    assert (summary.epochs_done, summary.epochs_total, summary.metric_key) == (3, 3, "val_accuracy")
    assert (summary.best_epoch, summary.device) == (best.epoch, "CPU")
    assert result["epochs_done"] == 3
    events = list(world.workspace.jobs.events(run.job.id))
    assert [event.data["epoch"] for event in events if event.name == "epoch"] == [1, 2, 3]
    told = [event.data for event in events if event.name == "progress" and event.data["phase"] == "training"]
    assert (told[-1]["done"], told[-1]["total"], told[-1]["unit"]) == (9, 9, "steps")
    assert any("loss" in item["values"] for item in told)


def test_the_same_seed_gives_the_same_model_with_and_without_loader_workers(world: World):
    experiments = [world.experiment(workers=workers, epochs=2) for workers in (0, 0, 2)]
    for experiment in experiments:
        train(world.training(experiment))
    first, *others = [weights(world, experiment) for experiment in experiments]
    for other in others:
        assert_same_weights(first, other)


def test_training_without_val_images_goes_by_the_train_loss(tmp_path: Path):
    world = World(tmp_path / "workspace", TASK, subsets=("train", "test"))
    experiment = world.experiment(epochs=2)
    train(world.training(experiment))
    summary = world.workspace.experiments(world.project.id).get(experiment.id).summary
    rows = metrics(world, experiment)
    assert summary.metric_key == "train_loss"
    assert summary.best_metric == min(values["train_loss"] for _, _, values in rows)
    assert set(rows[0][2]) == {"train_loss"}


@pytest.mark.parametrize("after", [3, 4, 5, 6, 8], ids=lambda steps: f"after step {steps} of 9")
def test_stopped_and_resumed_equals_uninterrupted(world: World, after: int):
    whole, halved = world.experiment(), world.experiment()
    train(world.training(whole))
    run = Interrupted(world.training(halved), after=after, how="stop")
    train(run)
    assert run.ended_early
    assert world.workspace.experiments(world.project.id).get(halved.id).summary.epochs_done == after // 3
    train(world.training(halved, resume=True))
    assert_same_weights(weights(world, whole), weights(world, halved))
    assert metrics(world, whole) == metrics(world, halved)


@pytest.mark.parametrize(
    "params",
    [
        {"optimizer": "sgd", "nesterov": True, "scheduler": "one_cycle", "learning_rate": 0.01},
        {"optimizer": "adam", "scheduler": "plateau", "plateau_patience": 0, "clip_norm": 0.5},
        {"scheduler": "multistep", "milestones": [1, 2], "accumulate": 2},
        {"scheduler": "none", "ema": True, "ema_decay": 0.9},
    ],
    ids=lambda params: params["scheduler"],
)
@pytest.mark.parametrize("after", [4, 7])
def test_every_way_of_learning_is_resumed_exactly(world: World, params: dict, after: int):
    whole, halved = world.experiment(**params), world.experiment(**params)
    train(world.training(whole))
    run = Interrupted(world.training(halved), after=after, how="stop")
    train(run)
    assert run.ended_early
    train(world.training(halved, resume=True))
    assert_same_weights(weights(world, whole), weights(world, halved))
    assert metrics(world, whole) == metrics(world, halved)


def test_a_checkpoint_has_the_averaged_weights_and_those_in_training(world: World):
    import torch

    averaged, plain = world.experiment(epochs=1, ema=True), world.experiment(epochs=1)
    train(world.training(averaged))
    train(world.training(plain))
    assert_same_weights(weights(world, plain), weights(world, averaged, key="trained"))
    average, trained = weights(world, averaged), weights(world, averaged, key="trained")
    changed = [name for name in trained if not torch.equal(average[name], trained[name])]
    assert any(name.endswith("weight") for name in changed)
    assert any(name.endswith("running_var") for name in changed)
    assert not any(name.endswith("num_batches_tracked") for name in changed)


def test_a_shutdown_hands_the_job_on_and_another_worker_ends_it(world: World):
    whole, handed = world.experiment(), world.experiment()
    train(world.training(whole))
    run = Interrupted(world.training(handed), after=4, how="yield")
    with pytest.raises(Yielded):
        train(run)
    job = world.claim(world.workspace.jobs.apply(run.job.id, Yield(run.job.epoch)))
    assert job.attempt == 1
    train(Run(world.workspace, job, world.settings))
    assert_same_weights(weights(world, whole), weights(world, handed))


def test_a_cancel_ends_the_run_without_results_of_the_epoch(world: World):
    experiment = world.experiment()
    run = world.training(experiment)
    world.workspace.jobs.apply(run.job.id, RequestCancel())
    with pytest.raises(Cancelled):
        train(run)
    assert metrics(world, experiment) == []


def test_killed_and_resumed_equals_uninterrupted(world: World):
    whole, killed = world.experiment(epochs=4), world.experiment(epochs=4)
    train(world.training(whole))
    run = world.training(killed)
    process = start(world, run.job)
    wait_for_rows(world, killed, 2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    rows = len(metrics(world, killed))
    assert rows < 4, "killed too late to prove anything"
    job = world.claim(world.workspace.jobs.apply(run.job.id, Lose(run.job.epoch, "killed", "Killed.")))
    assert start(world, job).wait(120) == 0
    outcome = world.workspace.jobs.outcome(job.id, job.epoch)
    assert outcome is not None
    assert outcome.status == "succeeded"
    assert_same_weights(weights(world, whole), weights(world, killed))
    assert_same_weights(weights(world, whole, "best"), weights(world, killed, "best"))
    assert metrics(world, whole) == metrics(world, killed)


def start(world: World, job: Job) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "AI_STUDIO_WORKSPACE": str(world.root)}
    command = [sys.executable, "-m", "services.trainer.run", job.id]
    return subprocess.Popen(command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL)


def wait_for_rows(world: World, experiment: Experiment, count: int) -> None:
    until = time.monotonic() + 120
    while len(metrics(world, experiment)) < count:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_restart_begins_anew(world: World):
    experiment = world.experiment(epochs=1)
    train(world.training(experiment))
    first = weights(world, experiment)
    train(world.training(experiment))
    assert_same_weights(first, weights(world, experiment))
    assert len(metrics(world, experiment)) == 1


def fails(run: Run) -> StudioError:
    with pytest.raises(StudioError) as caught:
        train(run)
    assert caught.value.hint
    return caught.value


def test_a_loss_that_is_not_a_number_stops_the_training_and_names_the_step(world: World):
    error = fails(world.training(world.experiment(learning_rate=10, optimizer="sgd", momentum=0.99, epochs=200)))
    assert error.code == "loss_not_finite"
    assert "at step " in error.message


def test_a_deleted_split_is_said(world: World):
    experiment = world.experiment()
    world.workspace.splits(world.project.id).delete(world.split.id)
    assert fails(world.training(experiment)).code == "split_deleted"


def test_a_deleted_dataset_is_said(world: World):
    experiment = world.experiment()
    world.workspace.dataset(world.project.id).delete()
    assert fails(world.training(experiment)).code == "dataset_revision_deleted"


def test_one_class_is_nothing_to_learn(tmp_path: Path):
    world = World(tmp_path / "workspace", TASK, class_count=1)
    error = fails(world.training(world.experiment()))
    assert (error.code, "class 0" in error.message) == ("too_few_classes", True)


def test_a_gpu_that_is_not_there_is_said(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    error = fails(world.training(world.experiment(device="gpu")))
    assert isinstance(error, Conflict)
    assert error.code == "gpu_unavailable"


def test_weights_that_cannot_be_had_are_said(world: World):
    error = fails(world.training(world.experiment(pretrained=True)))
    assert error.code == "weights_unavailable"
    assert "AI_STUDIO_WEIGHTS" in (error.hint or "")
