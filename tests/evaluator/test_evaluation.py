from pathlib import Path

import pytest

from shared.bus.run import Cancelled, Run
from shared.errors import StudioError
from shared.schemas.experiment import Experiment
from shared.store.lifecycle import RequestCancel
from tests.support.generated import World

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Experiment]:
    from services.trainer.run import work

    world = World(tmp_path_factory.mktemp("evaluation") / "workspace", "classification", class_count=3)
    experiment = world.experiment(epochs=1)
    work(world.training(experiment))
    return world, experiment


def evaluate(run: Run) -> dict:
    from services.evaluator.run import work

    return work(run)


def test_every_image_of_the_chosen_subsets_is_judged(trained: tuple[World, Experiment]):
    world, experiment = trained
    run = world.evaluation(experiment, subsets=["test", "val"], batch_size=4)
    result = evaluate(run)
    store = world.workspace.evaluation(world.project.id, experiment.id)
    aggregate, results = store.aggregate(), store.results()
    assert aggregate is not None
    assert results is not None
    assignment = world.split.assignment
    assert [item.image_id for item in results.items] == assignment["val"] + assignment["test"]
    assert aggregate.subsets == {"val": len(assignment["val"]), "test": len(assignment["test"])}
    assert result["metrics"] == aggregate.metrics
    right = sum(item.correct is True for item in results.items)
    assert aggregate.metrics["accuracy"] == pytest.approx(right / len(results.items))
    matrix = aggregate.details["confusion_matrix"]
    assert sum(map(sum, matrix)) == len(results.items)
    assert sum(matrix[i][i] for i in range(3)) == right
    assert all(sum(item.prediction["probabilities"]) == pytest.approx(1) for item in results.items)
    told = [event.data for event in world.workspace.jobs.events(run.job.id) if event.data.get("phase") == "evaluating"]
    assert told[-1]["done"] == told[-1]["total"] == len(results.items)


def test_the_same_checkpoint_gives_the_validation_metric_of_its_epoch(trained: tuple[World, Experiment]):
    world, experiment = trained
    result = evaluate(world.evaluation(experiment, subsets=["val"], checkpoint="best.ckpt"))
    [row] = world.workspace.experiments(world.project.id).metrics(experiment.id)
    assert result["metrics"]["accuracy"] == pytest.approx(row.metrics["val_accuracy"])


def test_a_cancelled_evaluation_publishes_nothing(trained: tuple[World, Experiment]):
    world, experiment = trained
    run = world.evaluation(experiment)
    world.workspace.jobs.apply(run.job.id, RequestCancel())
    with pytest.raises(Cancelled):
        evaluate(run)
    assert world.workspace.evaluation(world.project.id, experiment.id).aggregate() is None


@pytest.mark.parametrize("instead", ["deleted", "another"])
def test_an_evaluation_that_is_not_wanted_any_more_publishes_nothing(
    trained: tuple[World, Experiment], monkeypatch: pytest.MonkeyPatch, instead: str
):
    world, experiment = trained
    run = world.evaluation(experiment)
    store = world.workspace.evaluation(world.project.id, experiment.id)
    finalize = run.finalize

    def replaced() -> None:
        finalize()
        store.delete()
        if instead == "another":
            world.evaluation(experiment)

    monkeypatch.setattr(run, "finalize", replaced)
    with pytest.raises(Cancelled):
        evaluate(run)
    assert store.aggregate() is None
    assert store.results_path.exists() is False
    assert store.results_path.parent.exists() is (instead == "another")


def test_a_damaged_checkpoint_is_said(tmp_path: Path):
    from services.trainer.run import work

    world = World(tmp_path / "workspace", "classification")
    experiment = world.experiment(epochs=1)
    work(world.training(experiment))
    path = world.workspace.experiments(world.project.id).checkpoint_path(experiment.id, "best")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert fails(world.evaluation(experiment)).code == "checkpoint_damaged"
    run = world.export(experiment)
    from services.exporter.run import work as export

    with pytest.raises(StudioError) as caught:
        export(run)
    assert caught.value.code == "checkpoint_damaged"


def fails(run: Run) -> StudioError:
    with pytest.raises(StudioError) as caught:
        evaluate(run)
    assert caught.value.hint
    return caught.value


def test_without_a_checkpoint_it_says_so(trained: tuple[World, Experiment]):
    world, _ = trained
    error = fails(world.evaluation(world.experiment()))
    assert error.code == "checkpoint_not_found"


def test_an_empty_subset_is_said(tmp_path: Path):
    from services.trainer.run import work

    world = World(tmp_path / "workspace", "classification", subsets=("train", "val"))
    experiment = world.experiment(epochs=1)
    work(world.training(experiment))
    assert fails(world.evaluation(experiment)).code == "subset_empty"
