"""Every task goes the whole way: generated folder in, one short training, and a file that says what the studio said.

The images have the size of the model's input, so that nothing is resized and the answers are the same to the last
digits. What a file says is read by its own metadata here, without the studio's code.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from scripts.generate import GENERATORS, SIDE
from shared.taskkit import registry
from shared.taskkit.spec import TaskSpec
from tests.e2e.api import Api
from tests.e2e.test_api_walk import prepared
from tests.support.stack import StudioStack

Outputs = Mapping[str, np.ndarray]
Said = Mapping[str, Any]


WALKED = [spec for spec in registry.specs() if spec.annotation_kind != "label"]
"""Labels go a longer way in test_api_walk."""


def same_boxes(outputs: Outputs, said: Said, names: list[str], classes: dict[int, str]) -> None:
    """Check that the same objects were found, in whatever order equal scores came."""
    assert len(outputs["scores"]) == len(said["scores"])
    ends = [[x, y, x + wide, y + high] for x, y, wide, high in said["boxes"]]
    found = list(zip(outputs["boxes"], outputs["scores"], (names[at] for at in outputs["labels"]), strict=True))
    for box, score, class_id in zip(ends, said["scores"], said["class_ids"], strict=True):
        apart = [
            max(float(np.abs(other - box).max()) / SIDE, abs(float(other_score) - score))
            for other, other_score, name in found
            if name == classes[class_id]
        ]
        assert min(apart) < 1e-3, f"{classes[class_id]} at {box} with a score of {score}"


def same_values(outputs: Outputs, said: Said, _names: list[str], _classes: dict[int, str]) -> None:
    assert outputs["values"][0].tolist() == pytest.approx(said["values"], rel=1e-3)


SAME: dict[str, Callable[[Outputs, Said, list[str], dict[int, str]], None]] = {"box": same_boxes, "value": same_values}
"""By the kind of annotation: whether the outputs of a file say of an image what the studio said."""


@pytest.mark.parametrize("spec", WALKED, ids=lambda spec: spec.id)
def test_from_a_generated_folder_to_a_file_that_agrees(
    stack: StudioStack, api: Api, spec: TaskSpec, tmp_path: Path
) -> None:
    folder = GENERATORS[spec.annotation_kind](tmp_path / "generated", 40)
    project = api.project(f"Walk {spec.id}", folder, task=spec.id, ratios={"train": 0.6, "val": 0.2, "test": 0.2})
    dataset = api.get(f"/datasets/{project}")
    assert (dataset["image_count"], dataset["last_import"]["problems"]) == (40, [])

    experiment = api.experiment(project, image_size=SIDE, epochs=1, batch_size=8)
    api.succeed(api.post(f"{experiment}/train"))
    (row,) = api.get(f"{experiment}/metrics")["items"]
    assert f"val_{spec.primary_metric.key}" in row["metrics"]

    evaluation = experiment.replace("/training/", "/evaluation/").replace("/experiments/", "/")
    api.succeed(api.post(evaluation, {"subsets": ["test"]}))
    assert api.get(evaluation)["aggregate"]["metrics"].keys() == {metric.key for metric in spec.metrics}
    results = api.get(f"{evaluation}/results", page_size=200)["items"]
    assert len(results) == api.get(f"/splits/{project}/main")["counts"]["test"]

    assert all(any(item["prediction"].values()) for item in results), "there is something to compare"

    job = api.post(f"/export/{project}", {"experiment_id": experiment.rsplit("/", 1)[1], "format": "onnx"})
    api.succeed(job)
    export = f"/api/export/{project}/{job['export_id']}"
    assert stack.client.get(export).json()["result"]["verification"]["passed"] is True
    session = onnxruntime.InferenceSession(stack.client.get(f"{export}/download").content)
    metadata = session.get_modelmeta().custom_metadata_map
    for item in results:
        data = stack.client.get(f"/api/datasets/{project}/images/{item['image_id']}/file").content
        names = [output.name for output in session.get_outputs()]
        outputs = session.run(names, {session.get_inputs()[0].name: prepared(data, metadata)})
        class_names = json.loads(metadata.get("class_names", "[]"))
        classes = {known["id"]: known["name"] for known in dataset["classes"]}
        SAME[spec.annotation_kind](dict(zip(names, outputs, strict=True)), item["prediction"], class_names, classes)
