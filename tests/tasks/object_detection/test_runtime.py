"""The runtime on values counted by hand and on published ones."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.errors import StudioError
from shared.schemas.annotations import BoxAnnotation
from shared.schemas.dataset import ClassInfo, ImageRecord, Legend
from shared.taskkit.runtime import Blueprint, TaskRuntime
from shared.tasks.object_detection.spec import Options

pytestmark = pytest.mark.slow
DATA = Path(os.environ.get("AI_STUDIO_TEST_DATA", Path(__file__).parents[3].parent / "shared" / "data"))
REFERENCE = DATA / "fixtures" / "metrics" / "coco_val2014_100"
ARCHITECTURE = "ssdlite320_mobilenet_v3_large"
TWO = Legend(classes=[ClassInfo(id=3, name="bolt", color="#111111"), ClassInfo(id=8, name="nut", color="#222222")])


@pytest.fixture
def runtime() -> TaskRuntime:
    from shared.tasks.object_detection.runtime import RUNTIME

    return RUNTIME


def blueprint(legend: Legend = TWO, image_size: int = 64) -> Blueprint:
    return Blueprint.of("object_detection", ARCHITECTURE, {"image_size": image_size}, legend)


def record(*boxes: BoxAnnotation, image_id: str = "0" * 16, size: tuple[int, int] = (200, 100)) -> ImageRecord:
    return ImageRecord(
        id=image_id,
        filename="a.jpg",
        width=size[0],
        height=size[1],
        bytes=1,
        format="JPEG",
        sha256="0" * 64,
        imported_at=datetime.now(UTC),
        annotations=list(boxes),
    )


BOLT, NUT = BoxAnnotation(class_id=3, bbox=(10, 10, 20, 20)), BoxAnnotation(class_id=8, bbox=(100, 50, 40, 30))
CROWD = BoxAnnotation(class_id=8, bbox=(0, 0, 90, 90), iscrowd=True)


def test_crowds_are_not_learned_but_known_to_the_metrics(runtime):
    made = runtime.encode(record(BOLT, NUT, CROWD), blueprint())
    assert made["boxes"].tolist() == [[10, 10, 30, 30], [100, 50, 140, 80]]
    assert made["labels"].tolist() == [1, 2], "0 is the background"
    assert made["truth"]["iscrowd"].tolist() == [0, 0, 1]


def test_images_without_objects_are_learned_from_unless_there_are_no_others(runtime):
    assert runtime.learnable(record())
    assert runtime.encode(record(), blueprint())["boxes"].shape == (0, 4)
    assert runtime.study([record(), record(BOLT)], blueprint()) == {}
    with pytest.raises(StudioError, match="nothing to learn"):
        runtime.study([record(), record(CROWD)], blueprint())


def test_detections_come_back_in_pixels_of_the_upright_image(runtime):
    import torch

    class Fixed(torch.nn.Module):
        def forward(self, images):
            boxes = torch.tensor([[0.0, 0.0, 32.0, 32.0], [16.0, 32.0, 48.0, 64.0]])
            return [{"boxes": boxes, "scores": torch.tensor([0.25, 0.75]), "labels": torch.tensor([1, 2])}]

    (found,) = runtime.predict(Fixed(), torch.zeros(1, 3, 64, 64), [record()], blueprint())
    assert found == {"boxes": [[50, 50, 100, 50], [0, 0, 100, 50]], "scores": [0.75, 0.25], "class_ids": [8, 3]}


def test_an_image_is_right_when_nothing_is_false_or_missed(runtime):
    said = {"boxes": [[10, 10, 20, 20], [100, 50, 40, 30]], "scores": [0.9, 0.6], "class_ids": [3, 8]}
    right = runtime.score(record(BOLT, NUT), "test", said, blueprint(), Options())
    assert (right.correct, right.error, right.confidence) == (True, 0, 0.9)
    missed = runtime.score(record(BOLT, NUT), "test", said, blueprint(), Options(score=0.7))
    assert (missed.correct, missed.error, missed.predicted_classes) == (False, 1, [3])
    false = runtime.score(record(BOLT), "test", said, blueprint(), Options())
    assert (false.correct, false.error) == (False, 1)
    nothing = {"boxes": [], "scores": [], "class_ids": []}
    assert runtime.score(record(), "test", nothing, blueprint(), Options()).correct is True


def test_figures_of_a_class_add_up(runtime):
    said = {"boxes": [[10, 10, 20, 20], [150, 0, 9, 9]], "scores": [0.9, 0.6], "class_ids": [3, 8]}
    results = [runtime.score(record(BOLT, NUT), "test", said, blueprint(), Options())]
    totals = runtime.aggregate(results, blueprint(), Options())
    bolt, nut = totals.details["per_class"]
    assert (bolt["support"], bolt["right"], bolt["false"], bolt["missed"]) == (1, 1, 0, 0)
    assert (nut["support"], nut["right"], nut["false"], nut["missed"]) == (1, 0, 1, 1)
    assert (bolt["ap"], nut["ap"]) == (pytest.approx(1), 0)
    assert totals.metrics["map"] == pytest.approx(0.5)
    assert (totals.metrics["precision"], totals.metrics["recall"]) == (0.5, 0.5)


@pytest.mark.skipif(not REFERENCE.is_dir(), reason=f"no reference data at {REFERENCE}")
def test_an_evaluation_gives_the_published_values_of_coco(runtime):
    """COCO val2014, 100 images, as pycocotools publishes them; areas and crowds go the way of annotations."""
    truth = json.loads((REFERENCE / "instances_val2014_100.json").read_text())
    found = json.loads((REFERENCE / "instances_val2014_fakebbox100_results.json").read_text())
    expected = json.loads((REFERENCE / "expected_pycocotools_2.0.11.json").read_text())["bbox"]
    legend = Legend(
        classes=[ClassInfo(id=item["id"], name=item["name"], color="#111111") for item in truth["categories"]]
    )
    made = blueprint(legend)
    results = []
    for image in sorted(truth["images"], key=lambda item: item["id"]):  # as pycocotools, which shows in equal scores
        objects = [
            BoxAnnotation(
                class_id=item["category_id"], bbox=item["bbox"], iscrowd=bool(item["iscrowd"]), area=item["area"]
            )
            for item in truth["annotations"]
            if item["image_id"] == image["id"]
        ]
        said = sorted((item for item in found if item["image_id"] == image["id"]), key=lambda item: -item["score"])
        prediction = {
            "boxes": [item["bbox"] for item in said],
            "scores": [item["score"] for item in said],
            "class_ids": [item["category_id"] for item in said],
        }
        shown = record(*objects, image_id=f"{image['id']:016x}", size=(image["width"], image["height"]))
        results.append(runtime.score(shown, "test", prediction, made, Options()))
    metrics = runtime.aggregate(results, made, Options()).metrics
    names = {"map": "AP", "map_50": "AP50", "map_75": "AP75"}
    sizes = {"map_small": "APs", "map_medium": "APm", "map_large": "APl"}
    for ours, theirs in {**names, **sizes}.items():
        assert metrics[ours] == pytest.approx(expected[theirs], abs=1e-6), ours
    assert metrics["map"] == pytest.approx(0.5045806987, abs=1e-6)
    assert metrics["map_50"] == pytest.approx(0.6969727247, abs=1e-6)
