import json
from pathlib import Path

import pytest

from shared.bus.run import Cancelled, Run
from shared.errors import StudioError
from shared.schemas.experiment import Experiment
from shared.schemas.export import Export
from shared.store.lifecycle import RequestCancel
from tests.support.generated import World

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Experiment]:
    from services.trainer.run import work

    world = World(tmp_path_factory.mktemp("export") / "workspace", "classification", class_count=3)
    experiment = world.experiment(epochs=1)
    work(world.training(experiment))
    return world, experiment


def export(world: World, run: Run) -> Export:
    from services.exporter.run import work

    work(run)
    return world.workspace.exports(world.project.id).get(run.payload["export_id"])


def test_the_file_runs_by_itself_and_decides_as_the_evaluation_did(trained: tuple[World, Experiment]):
    import numpy as np
    import onnxruntime
    from PIL import Image

    from services.evaluator.run import work as evaluate

    world, experiment = trained
    record = export(world, world.export(experiment))
    assert record.result is not None
    assert record.result.file == "mobilenet_v3_small-64px-best.onnx"
    assert (record.result.input_shape, record.result.output_shape) == (["batch", 3, 64, 64], ["batch", 3])
    path = world.workspace.exports(world.project.id).file(record)
    assert path.stat().st_size == record.result.size

    session = onnxruntime.InferenceSession(path)
    facts = session.get_modelmeta().custom_metadata_map
    assert facts == record.result.metadata
    assert json.loads(facts["class_names"]) == ["class 0", "class 1", "class 2"]

    evaluate(world.evaluation(experiment))
    results = world.workspace.evaluation(world.project.id, experiment.id).results()
    assert results is not None
    images, size = [], int(facts["image_size"])
    dataset = world.workspace.dataset(world.project.id)
    paths = {item.id: dataset.image_path(item) for item in dataset.records()}
    for item in results.items:
        with Image.open(paths[item.image_id]) as image:
            pixels = np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR), np.float32) / 255
        images.append((pixels - json.loads(facts["mean"])) / json.loads(facts["std"]))
    batch = np.stack(images).transpose(0, 3, 1, 2).astype(np.float32)
    [probabilities] = session.run(["probabilities"], {"image": batch})
    expected = np.array([item.prediction["probabilities"] for item in results.items])
    assert np.abs(probabilities - expected).max() < 0.02


def test_the_verification_is_made_on_test_images(trained: tuple[World, Experiment]):
    world, experiment = trained
    record = export(world, world.export(experiment, checkpoint="last"))
    assert record.result is not None
    proof = record.result.verification
    assert (proof.passed, proof.images, proof.agreement) == (True, "test subset", 1.0)
    assert proof.image_count == len(world.split.assignment["test"])
    assert proof.max_difference <= proof.tolerance
    assert proof.latency_ms_p50 > 0


def test_a_file_that_answers_otherwise_is_kept_and_called_so(
    trained: tuple[World, Experiment], monkeypatch: pytest.MonkeyPatch
):
    from dataclasses import replace

    from services.exporter.formats import FORMATS

    honest = FORMATS["onnx"]

    def swapped(path: Path):
        predict = honest.open(path)
        return lambda images: {name: values[:, ::-1] for name, values in predict(images).items()}

    monkeypatch.setitem(FORMATS, "onnx", replace(honest, open=swapped))
    world, experiment = trained
    record = export(world, world.export(experiment))
    assert record.result is not None
    assert not record.result.verification.passed
    assert "checkpoint" in record.result.verification.message or "differ" in record.result.verification.message
    assert world.workspace.exports(world.project.id).file(record).exists()


def test_a_cancelled_export_leaves_no_result(trained: tuple[World, Experiment]):
    world, experiment = trained
    run = world.export(experiment)
    world.workspace.jobs.apply(run.job.id, RequestCancel())
    with pytest.raises(Cancelled):
        export(world, run)
    assert world.workspace.exports(world.project.id).get(run.payload["export_id"]).result is None


def test_a_deleted_export_is_not_brought_back(trained: tuple[World, Experiment], monkeypatch: pytest.MonkeyPatch):
    world, experiment = trained
    run = world.export(experiment)
    store = world.workspace.exports(world.project.id)
    finalize = run.finalize

    def deleted() -> None:
        finalize()
        store.delete(run.payload["export_id"])

    monkeypatch.setattr(run, "finalize", deleted)
    with pytest.raises(Cancelled):
        export(world, run)
    assert not store.folder(run.payload["export_id"]).exists()


@pytest.mark.parametrize(("changes", "code"), [({"format": "stone"}, "format_not_found")])
def test_what_does_not_exist_is_said(trained: tuple[World, Experiment], changes: dict, code: str):
    world, experiment = trained
    with pytest.raises(StudioError) as caught:
        export(world, world.export(experiment, **changes))
    assert caught.value.code == code


def test_without_a_checkpoint_it_says_so(trained: tuple[World, Experiment]):
    world, _ = trained
    with pytest.raises(StudioError) as caught:
        export(world, world.export(world.experiment()))
    assert caught.value.code == "checkpoint_not_found"
