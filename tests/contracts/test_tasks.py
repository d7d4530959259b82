"""Every task with every architecture goes through every door of the core, on generated data."""

from pathlib import Path

import pytest

from shared.errors import Invalid
from shared.schemas.base import SUBSETS
from shared.taskkit import registry
from shared.taskkit.shapes import Shape
from tests.support.generated import World

ALL = [(spec.id, architecture.id) for spec in registry.specs() for architecture in spec.architectures]


@pytest.mark.slow
@pytest.mark.parametrize(("task", "architecture"), ALL, ids=lambda value: value)
def test_trains_evaluates_exports_and_draws(task: str, architecture: str, tmp_path: Path):
    from services.evaluator.run import work as evaluate
    from services.exporter.run import work as export
    from services.trainer.run import work as train

    world = World(tmp_path / "workspace", task, per_class=5)
    spec = registry.spec(task)
    experiment = world.experiment(architecture=architecture, epochs=1, batch_size=3)

    train(world.training(experiment))
    rows = world.workspace.experiments(world.project.id).metrics(experiment.id)
    known = {"train_loss", "val_loss"} | {f"val_{metric.key}" for metric in spec.metrics}
    assert len(rows) == 1
    assert {"train_loss", "val_loss", f"val_{spec.primary_metric.key}"} <= set(rows[0].metrics) <= known

    evaluate(world.evaluation(experiment, subsets=list(SUBSETS)))
    store = world.workspace.evaluation(world.project.id, experiment.id)
    aggregate, results = store.aggregate(), store.results()
    assert aggregate is not None
    assert results is not None
    assert set(aggregate.metrics) == {metric.key for metric in spec.metrics}
    assert len(results.items) == aggregate.image_count == 10

    overlay = registry.part(task, "overlay")
    assert overlay is not None
    head = world.workspace.dataset(world.project.id).head()
    for item in results.items:
        truth, told = overlay.truth_shapes(item.truth, head.legend), overlay.result_shapes(item, head.legend)
        assert truth
        assert len([shape for shape in told if shape.is_truth]) == len(truth)
        assert all(isinstance(shape, Shape) for shape in (*truth, *told))

    views = registry.part(task, "views")
    assert views is not None
    assert views.evaluation(aggregate, results.items, head.legend)
    assert all(views.image(item, aggregate, head.legend) for item in results.items)

    for choice in spec.export_formats:
        run = world.export(experiment, format=choice.value)
        export(run)
        record = world.workspace.exports(world.project.id).get(run.payload["export_id"])
        assert record.result is not None
        assert record.result.verification.passed, record.result.verification.message


@pytest.mark.slow
@pytest.mark.parametrize("task", registry.task_ids())
def test_the_offered_transforms_can_be_carried_out(task: str):
    from shared.vision.augment import known_transforms

    assert {transform.name for transform in registry.spec(task).transforms} <= known_transforms()


@pytest.mark.slow
@pytest.mark.parametrize("task", registry.task_ids())
def test_the_offered_formats_exist(task: str):
    from services.exporter.formats import FORMATS

    assert {choice.value for choice in registry.spec(task).export_formats} <= FORMATS.keys()


@pytest.mark.parametrize("spec", registry.specs(), ids=lambda spec: spec.id)
def test_a_spec_is_whole(spec):
    assert len([metric for metric in spec.metrics if metric.primary]) == 1
    assert {step.name for step in spec.augmentations} <= {transform.name for transform in spec.transforms}
    for architecture in spec.architectures:
        params = spec.params.model_validate(dict(architecture.overrides))
        follows = params.image_size == architecture.input_size or "image_size" in architecture.overrides
        assert follows, f"{architecture.id} starts at another size than its weights and does not say so"


@pytest.mark.parametrize("spec", registry.specs(), ids=lambda spec: spec.id)
def test_early_stopping_takes_any_metric_of_the_task_and_no_other(spec):
    offered = spec.params_schema()["properties"]["early_stopping_metric"]["enum"]
    assert {"val_loss", *(f"val_{metric.key}" for metric in spec.metrics)} < set(offered)
    for choice in offered:
        assert spec.checked_params({"early_stopping_metric": choice}).early_stopping_metric == choice
    with pytest.raises(Invalid) as caught:
        spec.checked_params({"early_stopping_metric": "val_luck"})
    assert [item.field for item in caught.value.errors] == ["params.early_stopping_metric"]


@pytest.mark.parametrize(("task", "architecture"), ALL, ids=lambda value: value)
def test_the_defaults_of_an_architecture_are_a_configuration(task: str, architecture: str):
    from services.gateway.actions.configuration import defaults

    spec = registry.spec(task)
    row = spec.architecture(architecture)
    assert row is not None
    params = defaults(spec, row, {})
    assert params.keys() == spec.params.model_fields.keys()
    assert params.get("loss", spec.losses[0].value) in {choice.value for choice in spec.losses}
    assert all((row.licence, row.notes, row.parameters, row.input_size))
