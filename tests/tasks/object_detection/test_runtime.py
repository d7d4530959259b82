"""The torch side on numbers that can be worked out by hand, and on published ones."""

import json
import math
import os
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from shared.errors import StudioError
from shared.schemas.annotations import BoxAnnotation
from shared.schemas.dataset import ClassInfo, ImageRecord, Legend
from shared.taskkit.augmentations import OBJECT_CROP
from shared.taskkit.runtime import Blueprint, Prediction, TaskRuntime, Totals
from shared.tasks.object_detection.spec import Options

pytestmark = pytest.mark.slow
TASK = "object_detection"
DATA = Path(os.environ.get("AI_STUDIO_TEST_DATA", Path(__file__).parents[3].parent / "shared" / "data"))
COCO = DATA / "fixtures" / "metrics" / "coco_val2014_100"
CAT, DOG = 4, 7
"""Ids that are not the places of their classes."""
OBJECT = (10.0, 10.0, 20.0, 20.0)


@pytest.fixture
def runtime() -> TaskRuntime:
    from shared.tasks.object_detection.runtime import RUNTIME

    return RUNTIME


def blueprint(architecture: str = "ssdlite320_mobilenet_v3_large", ids: tuple[int, ...] = (CAT, DOG)) -> Blueprint:
    classes = [ClassInfo(id=item, name=f"class {item}", color="#808080") for item in ids]
    return Blueprint.of(TASK, architecture, {"image_size": 64}, Legend(classes=classes))


def record(*boxes: BoxAnnotation, number: int = 0, size: tuple[int, int] = (128, 64)) -> ImageRecord:
    values = {"id": f"{number:016}", "filename": f"{number}.jpg", "bytes": 1, "format": "JPEG", "sha256": "0" * 64}
    width, height = size
    return ImageRecord(width=width, height=height, imported_at=datetime.now(UTC), annotations=list(boxes), **values)


def thing(bbox: tuple[float, float, float, float] = OBJECT, class_id: int = CAT, **more) -> BoxAnnotation:
    return BoxAnnotation(class_id=class_id, bbox=bbox, **more)


def said(*found: tuple[float, tuple[float, ...], int]) -> Prediction:
    return {
        "boxes": [list(box) for _, box, _ in found],
        "scores": [score for score, _, _ in found],
        "class_ids": [class_id for *_, class_id in found],
    }


class Finds:
    """Stands for a trained network: gives the same detections of the square input for each image."""

    def __init__(self, boxes: list[list[float]], scores: list[float], labels: list[int]) -> None:
        import torch

        self._found = {"boxes": torch.tensor(boxes), "scores": torch.tensor(scores), "labels": torch.tensor(labels)}

    def __call__(self, images):
        return [dict(self._found) for _ in images]


def test_crowds_are_not_learned_but_are_part_of_the_truth(runtime):
    crowd = thing((0.0, 0.0, 100.0, 50.0), DOG, iscrowd=True, area=900.0)
    target = runtime.encode(record(thing(), crowd, thing((30.0, 5.0, 40.0, 30.0), DOG)), blueprint())
    assert target["boxes"].tolist() == [[10, 10, 30, 30], [30, 5, 70, 35]]
    assert target["labels"].tolist() == [1, 2], "0 is the background"
    assert tuple(target["boxes"].canvas_size) == (64, 128)
    truth = target["truth"]
    assert truth["boxes"].tolist() == [[10, 10, 30, 30], [0, 0, 100, 50], [30, 5, 70, 35]]
    assert truth["labels"].tolist() == [0, 1, 1]
    assert truth["iscrowd"].tolist() == [0, 1, 0]
    assert truth["area"].tolist() == [400, 900, 1200]
    assert truth["size"].tolist() == [128, 64]


def test_an_image_without_objects_is_learned_from_but_not_a_subset_without_any(runtime):
    empty, crowded = record(), record(thing(iscrowd=True))
    assert runtime.learnable(empty)
    target = runtime.encode(empty, blueprint())
    assert (target["boxes"].shape, target["labels"].shape) == ((0, 4), (0,))
    assert runtime.study([empty, record(thing())], blueprint()) == {}
    with pytest.raises(StudioError) as caught:
        runtime.study([empty, crowded], blueprint())
    assert caught.value.code == "no_objects"


def test_predictions_are_in_pixels_of_the_image_with_ids_of_classes_best_first(runtime):
    import torch

    network = Finds([[0.0, 0.0, 32.0, 32.0], [16.0, 8.0, 64.0, 40.0]], [0.25, 0.75], [1, 2])
    (found,) = runtime.predict(network, torch.zeros(1, 3, 64, 64), [record(size=(128, 64))], blueprint())
    assert found == said((0.75, (32, 8, 96, 32), DOG), (0.25, (0, 0, 64, 32), CAT))


def test_an_image_is_right_when_nothing_is_false_or_missed(runtime):
    truth = record(thing(), thing((0.0, 0.0, 100.0, 50.0), DOG, iscrowd=True))
    options = Options(score=0.5, iou=0.5)

    def score(*found):
        return runtime.score(truth, "test", said(*found), blueprint(), options)

    good = score((0.9, OBJECT, CAT), (0.6, (50.0, 10.0, 10.0, 10.0), DOG), (0.3, OBJECT, DOG))
    assert (good.correct, good.error, good.confidence) == (True, 0.0, 0.9)
    assert (good.true_classes, good.predicted_classes) == ([CAT], [CAT, DOG])
    assert good.judgement["verdicts"] == ["right", "ignored"]

    bad = score((0.9, (50.0, 10.0, 10.0, 10.0), CAT), (0.8, OBJECT, DOG), (0.4, OBJECT, CAT))
    assert bad.judgement == {"verdicts": ["false", "ignored"], "missed": [0]}
    assert (bad.correct, bad.error) == (False, 2.0)
    silent = score((0.4, OBJECT, CAT))
    assert (silent.correct, silent.error, silent.confidence, silent.predicted_classes) == (False, 1.0, None, [])


def totals(runtime: TaskRuntime, made: Blueprint, *pairs: tuple[ImageRecord, Prediction]) -> Totals:
    options = Options()
    results = [runtime.score(image, "test", prediction, made, options) for image, prediction in pairs]
    return runtime.aggregate(results, made, options)


def test_totals_by_hand(runtime):
    """Of two cats one is found, by the second-best of three detections; the dog is found, its box a bit off.

    Cats: precision is 1/2 up to a recall of 1/2, which are 51 of 101 samples. The dog's IoU is 0.8: right at 7 of the
    10 thresholds.
    """
    far = (100.0, 40.0, 10.0, 10.0)
    found = totals(
        runtime,
        blueprint(),
        (record(thing(), number=1), said((0.9, far, CAT), (0.8, OBJECT, CAT), (0.1, far, CAT))),
        (record(thing(), number=2), said()),
        (record(thing(class_id=DOG), number=3), said((0.7, (10.0, 10.0, 20.0, 16.0), DOG))),
        (record(number=4), said()),
    )
    cats, dogs = found.details["per_class"]
    assert (cats["ap"], cats["ap_50"]) == pytest.approx((0.5 * 51 / 101, 0.5 * 51 / 101))
    assert (dogs["ap"], dogs["ap_50"]) == pytest.approx((0.7, 1.0))
    assert found.metrics["map"] == pytest.approx((cats["ap"] + 0.7) / 2)
    assert found.metrics["map_50"] == pytest.approx((cats["ap"] + 1.0) / 2)
    assert (found.metrics["precision"], found.metrics["recall"]) == pytest.approx((2 / 3, 2 / 3))
    assert (found.metrics["map_medium"], found.metrics["map_large"]) == (None, None)
    assert found.metrics["map_small"] == pytest.approx(found.metrics["map"])
    counted = [
        (item["class_id"], item["support"], item["right"], item["false"], item["missed"]) for item in (cats, dogs)
    ]
    assert counted == [(CAT, 2, 1, 1, 1), (DOG, 1, 1, 0, 0)]
    assert (cats["precision"], cats["recall"], dogs["precision"], dogs["recall"]) == (0.5, 0.5, 1.0, 1.0)
    assert found.details["judged_at"] == {"score": 0.5, "iou": 0.5}


def test_totals_of_nothing_have_no_values(runtime):
    found = totals(runtime, blueprint(), (record(), said()))
    assert set(found.metrics.values()) == {None}
    assert [item["ap"] for item in found.details["per_class"]] == [None, None]


@pytest.mark.skipif(not COCO.is_dir(), reason=f"no reference data at {COCO}; set AI_STUDIO_TEST_DATA")
def test_an_evaluation_of_coco_images_gives_the_published_values(runtime):
    """From stored annotations and predictions, with crowds and areas, to the totals of an evaluation."""
    truth = json.loads((COCO / "instances_val2014_100.json").read_text())
    published = json.loads((COCO / "expected_pycocotools_2.0.11.json").read_text())["bbox"]
    objects, detections = defaultdict(list), defaultdict(list)
    for item in truth["annotations"]:
        box = thing(tuple(item["bbox"]), item["category_id"], iscrowd=bool(item["iscrowd"]), area=item["area"])
        objects[item["image_id"]].append(box)
    for item in json.loads((COCO / "instances_val2014_fakebbox100_results.json").read_text()):
        detections[item["image_id"]].append((item["score"], tuple(item["bbox"]), item["category_id"]))
    made = blueprint(ids=tuple(sorted(item["id"] for item in truth["categories"])))
    found = totals(
        runtime,
        made,
        *(
            (
                record(*objects[item["id"]], number=item["id"], size=(item["width"], item["height"])),
                said(*sorted(detections[item["id"]], key=lambda one: -one[0])),
            )
            for item in sorted(truth["images"], key=lambda item: item["id"])
        ),
    )
    assert published["AP"] == pytest.approx(0.5045806987, abs=1e-9)
    keys = {"map": "AP", "map_50": "AP50", "map_75": "AP75"}
    keys |= {"map_small": "APs", "map_medium": "APm", "map_large": "APl"}
    assert {key: found.metrics[key] for key in keys} == pytest.approx(
        {key: published[name] for key, name in keys.items()}, abs=1e-6
    )
    names = {item["id"]: item["name"] for item in truth["categories"]}
    by_name = {names[row["class_id"]]: row["ap_50"] for row in found.details["per_class"] if row["ap_50"] is not None}
    assert by_name == pytest.approx(published["AP50_per_category"], abs=1e-6)


def test_validation_during_training_says_what_the_evaluation_says(runtime):
    """The truth is some of what an untrained network finds, so that it is right now and then."""
    import torch

    made, image = blueprint(), record()
    torch.manual_seed(0)
    model, pixels = runtime.build(made, None).eval(), torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        (prediction,) = runtime.predict(model, pixels, [image], made)
        found = list(zip(prediction["boxes"], prediction["class_ids"], strict=True))
        known = record(*(thing(tuple(box), class_id) for box, class_id in found[2:20:4] if min(box[2:]) > 1))
        metrics = runtime.validation_metrics(made)
        runtime.validate(model, runtime.collate([(pixels[0], learned(runtime, made, known))]), metrics, made)
    expected = totals(runtime, made, (known, prediction)).metrics
    told = {key: None if math.isnan(value) else float(value) for key, value in metrics.compute().items()}
    assert told == pytest.approx(expected)
    assert 0 < (expected["map_50"] or 0) < 1


def learned(runtime: TaskRuntime, made: Blueprint, image: ImageRecord) -> dict:
    """Return the target of an image in pixels of the square input."""
    from torchvision.transforms import v2

    target = runtime.encode(image, made)
    return {**target, "boxes": v2.functional.resize(target["boxes"], [64, 64])}


def test_what_shows_nothing_teaches_what_the_background_is(runtime):
    import torch

    made = blueprint("fasterrcnn_mobilenet_v3_large_fpn")
    torch.manual_seed(0)
    model = runtime.build(made, None).train()
    empty = learned(runtime, made, record())
    loss = runtime.training_loss(model, runtime.collate([(torch.randn(3, 64, 64), empty)] * 2), made)
    loss.backward()
    assert loss.item() > 0
    slopes = model.roi_heads.box_predictor.cls_score.bias.grad
    assert slopes[0] < 0 < slopes[1:].min(), "less of any class, more of the background"


def test_boxes_of_almost_no_width_after_augmentation_never_reach_the_detector(runtime, tmp_path):
    """A crop may leave a sliver of a box; single precision may make nothing of one far from the origin."""
    from shared.vision.data import ImageDataset, SampleKey

    made, size = blueprint(), (4000, 2000)
    slivers = [thing((3999.9999, 10.0, 0.0001, 50.0)), thing((10.0, 1000.0, 3000.0, 1e-5), DOG), thing((0, 0, 9, 9))]
    crowded = [thing((float(left), 400.0, 60.0, 900.0)) for left in range(0, 4000, 100)]
    records = [record(*slivers, *crowded, number=1, size=size), record(*slivers, number=2, size=size)]
    Image.new("RGB", size, "gray").save(tmp_path / "a.jpg")
    dataset = ImageDataset(
        records,
        lambda _: tmp_path / "a.jpg",
        lambda item: runtime.encode(item, made),
        [OBJECT_CROP.step(p=1, min_side=0.3)],
        64,
        seed=3,
    )
    samples = [dataset[SampleKey(epoch, index)] for epoch in range(6) for index in range(2)]
    assert max(item.vanished for item in samples) > len(slivers), "whole boxes vanish under a crop too"
    for at, sample in enumerate(samples):
        boxes = sample.target["boxes"]
        assert len(boxes) == len(sample.target["labels"]) == len(records[at % 2].annotations) - sample.vanished
        assert bool((boxes[:, 2:] - boxes[:, :2] >= 1).all()), "torchvision refuses boxes without width"
        assert len(sample.target["truth"]["boxes"]) == len(records[at % 2].annotations), "the truth stays whole"
    batch = runtime.collate([(item.image, item.target) for item in samples[:4]])
    assert runtime.training_loss(runtime.build(made, None).train(), batch, made).item() > 0
