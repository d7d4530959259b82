"""Calculating in 16 bits."""

from pathlib import Path

import pytest

from shared.taskkit import registry
from tests.support.generated import World
from tests.trainer.test_training import TASK, Interrupted, assert_same_weights, fails, metrics, train, weights

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("task", registry.task_ids())
def test_every_task_trains_in_mixed_precision_with_repeatable_operations(task: str, tmp_path: Path):
    import torch

    world = World(tmp_path / "workspace", task, per_class=5)
    experiment = world.experiment(precision="bf16-mixed", epochs=1, batch_size=3, ema=True, deterministic=True)
    try:
        train(world.training(experiment))
    finally:
        torch.use_deterministic_algorithms(False)
    assert {"train_loss", "val_loss"} <= set(metrics(world, experiment)[0][2])
    assert all(item.dtype != torch.bfloat16 for item in weights(world, experiment).values())


def test_mixed_precision_is_another_calculation_and_is_resumed_exactly(tmp_path: Path):
    world = World(tmp_path / "workspace", TASK)
    full, whole, halved = [world.experiment(precision=name, epochs=2) for name in ("32", "bf16-mixed", "bf16-mixed")]
    train(world.training(full))
    train(world.training(whole))
    train(Interrupted(world.training(halved), after=4, how="stop"))
    train(world.training(halved, resume=True))
    assert metrics(world, full) != metrics(world, whole) == metrics(world, halved)
    assert_same_weights(weights(world, whole), weights(world, halved))


def test_float16_on_the_cpu_is_refused_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    world = World(tmp_path / "workspace", TASK)
    error = fails(world.training(world.experiment(device="auto", precision="16-mixed")))
    assert error.code == "precision_unsupported"
    assert "needs a GPU" in error.message
