"""What a regression learns of a generated world whose truth is known."""

from pathlib import Path

import pytest

from tests.support.generated import World

pytestmark = pytest.mark.slow


def test_a_world_whose_truth_is_known_is_solved(tmp_path: Path):
    from services.evaluator.run import work as evaluate
    from services.trainer.run import work as train

    world = World(tmp_path / "workspace", "regression", per_class=60)
    experiment = world.experiment(architecture="mobilenet_v3_small", epochs=20, batch_size=8, learning_rate=2e-3)
    train(world.training(experiment))
    evaluate(world.evaluation(experiment, subsets=["test"]))
    aggregate = world.workspace.evaluation(world.project.id, experiment.id).aggregate()
    assert aggregate is not None
    _, left = aggregate.details["per_target"]
    assert left["r2"] > 0.8
    assert left["mae"] < 8, "pixels of an image 80 wide"
