"""What can be seen of a training while it runs and afterwards, beside its metrics."""

import hashlib
import json
import time
from pathlib import Path

import pytest

from shared.schemas.course import GpuReading
from shared.taskkit import registry
from tests.support.generated import World
from tests.trainer.test_training import TASK, Interrupted, train

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "workspace", TASK)


def test_metrics_are_the_same_bytes_for_the_same_seed_and_times_stand_beside_them(world: World):
    experiments = [world.experiment(epochs=2) for _ in range(2)]
    for experiment in experiments:
        train(world.training(experiment))
    store = world.workspace.experiments(world.project.id)
    one, other = [(store.folder(item.id) / "metrics.jsonl").read_bytes() for item in experiments]
    assert one == other
    for row in store.metrics(experiments[0].id):
        assert row.times is not None
        assert row.seconds is not None
        assert min(row.times.forward, row.times.backward, row.times.step, row.times.validation) > 0
        assert sum(row.times.model_dump().values()) == pytest.approx(row.seconds, abs=0.01)


def test_losses_on_the_way_are_all_there_after_stop_and_resume(world: World):
    whole, halved = world.experiment(), world.experiment()
    train(world.training(whole))
    train(Interrupted(world.training(halved), after=5, how="stop"))
    train(world.training(halved, resume=True))
    store = world.workspace.experiments(world.project.id)
    steps = store.course(whole.id).steps()
    assert [(row.step, row.epoch) for row in steps] == [(step, (step - 1) // 3 + 1) for step in range(1, 10)]
    assert store.course(halved.id).steps() == steps


def test_long_trainings_keep_means_of_their_losses(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("services.trainer.telling.STEP_ROWS", 3)
    experiment = world.experiment()
    train(world.training(experiment))
    assert [row.step for row in world.workspace.experiments(world.project.id).course(experiment.id).steps()] == [
        3,
        6,
        9,
    ]


def test_progress_tells_live_figures(world: World):
    run = world.training(world.experiment())
    train(run)
    told = [event.data for event in world.workspace.jobs.events(run.job.id) if event.name == "progress"]
    assert told[-1]["values"].keys() == {
        "loss",
        "learning_rate",
        "images_per_second",
        "data_ms",
        "forward_ms",
        "backward_ms",
        "step_ms",
    }
    assert told[-1]["values"]["images_per_second"] > 0


@pytest.mark.parametrize("task", registry.task_ids())
def test_the_same_few_validation_images_are_predicted_after_each_epoch(task: str, tmp_path: Path):
    world = World(tmp_path / "workspace", task)
    spec = registry.spec(task)
    least = min(spec.architectures, key=lambda item: item.parameters)
    experiment = world.experiment(epochs=2, architecture=least.id)
    train(world.training(experiment))
    found = world.workspace.experiments(world.project.id).course(experiment.id).samples()
    assert [row.epoch for row in found] == [1, 2]
    assert {item.image_id for item in found[0].items} == set(world.split.assignment["val"])
    assert [item.image_id for item in found[0].items] == [item.image_id for item in found[1].items]
    overlay = registry.part(task, "overlay")
    assert overlay is not None
    legend = world.workspace.dataset(world.project.id).head().legend
    assert all(overlay.result_shapes(item, legend) for item in found[1].items)


def test_sample_images_are_spread_over_the_classes(tmp_path: Path):
    from services.trainer.samples import choose
    from shared.taskkit.runtime import Blueprint

    world = World(tmp_path / "workspace", TASK, class_count=4, per_class=10)
    configuration = world.experiment().configuration
    dataset = world.workspace.dataset(world.project.id)
    blueprint = Blueprint.of(TASK, configuration.architecture, configuration.params, dataset.head().legend)
    records = sorted(dataset.records(), key=lambda item: item.filename)
    chosen = choose(records, blueprint)
    assert [record.filename[0] for record in chosen] == ["0", "1", "2", "3"] * 2
    assert choose(records[:3], blueprint) == records[:3]
    assert choose([], blueprint) == []


def test_sensors_are_read_while_a_training_runs(world: World, monkeypatch: pytest.MonkeyPatch):
    from services.trainer import telemetry

    gpu = GpuReading(name="A GPU", utilization=50, memory_used=1, memory_total=2)
    run = world.training(world.experiment())
    course = world.workspace.experiments(world.project.id).course(str(run.payload["experiment_id"]))
    with telemetry.Telemetry(run, course, gpus=lambda: [gpu], interval_s=0.05):
        until = time.monotonic() + 20
        while len(course.telemetry()) < 3 and time.monotonic() < until:
            hashlib.sha256(bytes(4_000_000))  # busy without holding the interpreter, as a training is
    rows = course.telemetry()
    assert len(rows) >= 3
    for row in rows:
        assert row.gpus == [gpu]
        assert 10e6 < row.run_memory < row.memory_used < row.memory_total
        assert row.disk_free > 0
        assert 0 <= row.cpu_percent <= 100
    assert max(row.run_cpu_percent for row in rows) > 20
    events = [event.data for event in world.workspace.jobs.events(run.job.id) if event.name == "telemetry"]
    assert [event["run_memory"] for event in events] == [row.run_memory for row in rows]


def test_telemetry_of_a_deleted_experiment_does_not_bring_it_back(world: World):
    from services.trainer.telemetry import Telemetry

    run = world.training(world.experiment())
    store = world.workspace.experiments(world.project.id)
    experiment_id = str(run.payload["experiment_id"])
    store.delete(experiment_id)
    with Telemetry(run, store.course(experiment_id), interval_s=0.01):
        time.sleep(0.3)
    assert not store.folder(experiment_id).exists()


def test_rows_are_lines_of_json(world: World):
    experiment = world.experiment(epochs=1)
    train(world.training(experiment))
    folder = world.workspace.experiments(world.project.id).folder(experiment.id)
    for name in ("metrics", "timings", "steps", "samples"):
        lines = (folder / f"{name}.jsonl").read_text().splitlines()
        assert lines
        assert all(isinstance(json.loads(line), dict) for line in lines)
