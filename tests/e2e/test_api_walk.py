"""The whole way through the REST API alone: folder in, verified model out."""

import io
import json
import shutil
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from tests.e2e.api import Api
from tests.support.stack import StudioStack


def zipped(folder: Path, target: Path) -> Path:
    return Path(shutil.make_archive(str(target), "zip", folder.parent, folder.name))


def prepared(data: bytes, metadata: dict[str, str]) -> np.ndarray:
    """Prepare an image as the exported file's own metadata says: float32, shape (1, 3, side, side)."""
    side = int(metadata["image_size"])
    mean, std = (np.array(json.loads(metadata[key]), np.float32) for key in ("mean", "std"))
    image = Image.open(io.BytesIO(data)).convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
    return ((np.asarray(image, np.float32) / 255 - mean) / std).transpose(2, 0, 1)[None]


def predicted_class(session: onnxruntime.InferenceSession, data: bytes) -> int:
    """Return the class an exported model gives to an image."""
    metadata = session.get_modelmeta().custom_metadata_map
    output = session.run(None, {session.get_inputs()[0].name: prepared(data, metadata)})[0][0]
    return int(np.argmax(output))


def test_from_a_folder_to_a_model_that_agrees(stack: StudioStack, api: Api, shapes: Path, tmp_path: Path) -> None:
    project = api.project("Walk", shapes, ratios={"train": 0.6, "val": 0.2, "test": 0.2})
    again = zipped(shapes, tmp_path / "again")
    with again.open("rb") as file:
        upload = stack.client.post(f"/api/datasets/{project}/import/upload", files={"file": ("again.zip", file)})
    result = api.succeed(upload.json())["result"]
    assert (result["added"], result["known"]) == (0, 240), "the same pictures in an archive are no new images"

    experiment = api.experiment(project, epochs=6)
    api.succeed(api.post(f"{experiment}/train"))
    rows = api.get(f"{experiment}/metrics")["items"]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5, 6]
    trained = api.get(experiment)
    assert trained["status"] == "completed"
    assert {item["name"] for item in trained["checkpoints"]} == {"best", "last"}

    evaluation = experiment.replace("/training/", "/evaluation/").replace("/experiments/", "/")
    api.succeed(api.post(evaluation, {"checkpoint": "best", "subsets": ["test"]}))
    aggregate = api.get(evaluation)["aggregate"]
    assert aggregate["image_count"] == 48
    results = api.get(f"{evaluation}/results", page_size=200)["items"]
    right = sum(item["correct"] for item in results)
    assert aggregate["metrics"]["accuracy"] == pytest.approx(right / 48)
    assert right / 48 > 0.5, "coloured shapes of four classes are easy"
    assert api.get(f"{evaluation}/results", correct=False)["total"] == 48 - right

    body = {"experiment_id": trained["id"], "checkpoint": "best", "format": "onnx"}
    job = api.post(f"/export/{project}", body)
    api.succeed(job)
    export = api.get(f"/export/{project}/{job['export_id']}")
    assert export["result"]["verification"]["passed"] is True
    assert export["result"]["verification"]["agreement"] == 1.0
    download = stack.client.get(f"/api/export/{project}/{job['export_id']}/download")
    assert len(download.content) == export["result"]["size"]
    part = stack.client.get(f"/api/export/{project}/{job['export_id']}/download", headers={"Range": "bytes=0-99"})
    assert (part.status_code, part.content) == (206, download.content[:100])

    session = onnxruntime.InferenceSession(download.content)
    sure = [item for item in results if margin(item) > 0.1]
    assert len(sure) > 24
    for item in sure:
        data = stack.client.get(f"/api/datasets/{project}/images/{item['image_id']}/file").content
        assert predicted_class(session, data) == item["prediction"]["class_id"], item["filename"]


def margin(result: dict[str, Any]) -> float:
    """Return how far the two most probable classes are apart; close ones may swap with the kernel that resizes."""
    second, first = sorted(result["prediction"]["probabilities"])[-2:]
    return float(first - second)


def test_real_photos_with_their_own_folders(api: Api, clothing: Path) -> None:
    project = api.project("Clothing", clothing, strategy="imported")
    assert api.get(f"/splits/{project}/main")["counts"] == {"train": 320, "val": 100, "test": 120}
    api.post(f"/splits/{project}", {"name": "80-10-10", "accept_leaks": True}, status=201)
    experiment = api.experiment(project, image_size=96, epochs=3)
    api.post(f"{experiment}/stop", status=409)
    patched = api.client.patch(f"/api{experiment}", json={"split_name": "main"})
    assert patched.status_code == 200
    api.succeed(api.post(f"{experiment}/train"))
    assert len(api.get(f"{experiment}/metrics")["items"]) == 3
    evaluated(api, experiment, ["val", "test"], {"val": 100, "test": 120})


def test_real_photos_are_learned_from_scratch(api: Api, clothing: Path) -> None:
    project = api.project("Clothing longer", clothing, strategy="imported")
    body = {"architecture": "resnet18", "params": {"image_size": 64, "batch_size": 16, "epochs": 8}}
    made = api.post(f"/training/{project}/experiments", body, status=201)
    experiment = f"/training/{project}/experiments/{made['id']}"
    api.succeed(api.post(f"{experiment}/train"))
    # 220 images of ten classes: guessing stays below 0.17 in 999 of 1,000 cases.
    assert evaluated(api, experiment, ["val", "test"], {"val": 100, "test": 120}) > 0.25


def evaluated(api: Api, experiment: str, subsets: list[str], counts: dict[str, int]) -> float:
    """Evaluate an experiment and return its accuracy."""
    evaluation = experiment.replace("/training/", "/evaluation/").replace("/experiments/", "/")
    api.succeed(api.post(evaluation, {"subsets": subsets}))
    aggregate = api.get(evaluation)["aggregate"]
    assert aggregate["subsets"] == counts
    return float(aggregate["metrics"]["accuracy"])


def test_an_archive_that_is_none_fails_with_its_reason(stack: StudioStack, api: Api) -> None:
    project = api.project("Broken")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("Cat/1.jpg", b"x")
        archive.writestr("cat/2.jpg", b"y")
    for content, code in ((b"nonsense", "damaged_archive"), (buffer.getvalue(), "classes_differ_in_case")):
        files = {"file": ("things.zip", content)}
        job = api.wait(stack.client.post(f"/api/datasets/{project}/import/upload", files=files).json())
        assert (job["status"], job["error"]["code"]) == ("failed", code)
    assert stack.client.get(f"/api/datasets/{project}").status_code == 404
    # A job is tidied right after its end is written.
    until = time.monotonic() + 5
    while left := [*stack.workspace.glob("jobs/*/upload*"), *stack.workspace.glob("jobs/*/unpacked")]:
        assert time.monotonic() < until, left
        time.sleep(0.05)
