"""Average precision against published values; see the README of the reference data for their sources."""

import json
import math
import os
import re
from pathlib import Path

import pytest

from shared.vision.box_metrics import BoxMetrics, BoxSummary

pytestmark = pytest.mark.slow
DATA = Path(os.environ.get("AI_STUDIO_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
METRICS = DATA / "fixtures" / "metrics"
with_data = pytest.mark.skipif(not METRICS.is_dir(), reason=f"no reference data at {METRICS}")
KEYS = {
    "map": "AP",
    "map_50": "AP50",
    "map_75": "AP75",
    "map_small": "APs",
    "map_medium": "APm",
    "map_large": "APl",
}


def tensors(rows: list, first: int, *, sized: bool):
    """Return boxes as corners from rows whose box starts at column `first`."""
    import torch

    boxes = torch.tensor([[float(value) for value in row[first : first + 4]] for row in rows], dtype=torch.float64)
    boxes = boxes.reshape(-1, 4)
    return torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1) if sized else boxes


def column(values: list, *, whole: bool = False):
    import torch

    return torch.tensor(values, dtype=torch.int64 if whole else torch.float64)


def coco_summary(truth: Path, results: Path, *, extras: bool, lowest: float = 0.0) -> tuple[dict, BoxSummary]:
    """Return the dataset and the summary; `extras` hands areas and crowds over as the file says."""
    dataset, found = json.loads(truth.read_text()), json.loads(results.read_text())
    found = found["annotations"] if isinstance(found, dict) else found
    ids = sorted(item["id"] for item in dataset["categories"])
    metrics = BoxMetrics(len(ids))
    for image_id in sorted(int(item["id"]) for item in dataset["images"]):
        here = [item for item in dataset["annotations"] if int(item["image_id"]) == image_id]
        said = [item for item in found if int(item["image_id"]) == image_id and item["score"] >= lowest]
        objects, detections = (
            {
                "boxes": tensors([item["bbox"] for item in items], 0, sized=True),
                "labels": column([ids.index(item["category_id"]) for item in items], whole=True),
            }
            for items in (here, said)
        )
        if extras:
            objects["area"] = column([item["area"] for item in here])
            objects["iscrowd"] = column([item["iscrowd"] for item in here], whole=True)
        metrics.update([{**detections, "scores": column([item["score"] for item in said])}], [objects])
    return dataset, metrics.summary()


def text_summary(truth: Path, results: Path, *, sized: bool) -> dict[str, float | None]:
    """Return AP at IoU 0.5 by class name, of one file an image with rows of class, (confidence,) box."""
    rows = [
        [
            [line.split() for line in file.read_text().splitlines() if line.strip()]
            for file in (path, results / path.name)
        ]
        for path in sorted(truth.iterdir())
    ]
    names = sorted({row[0] for image in rows for side in image for row in side})
    metrics = BoxMetrics(len(names))
    for here, said in rows:
        objects, detections = (
            {
                "boxes": tensors(items, first, sized=sized),
                "labels": column([names.index(row[0]) for row in items], whole=True),
            }
            for items, first in ((here, 1), (said, 2))
        )
        metrics.update([{**detections, "scores": column([float(row[1]) for row in said])}], [objects])
    return {name: item.ap_50 for name, item in zip(names, metrics.summary().per_class, strict=True)}


def compared(summary: BoxSummary, expected: dict, tolerance: float) -> None:
    for key, published in KEYS.items():
        value = summary.overall[key]
        assert (-1 if value is None else value) == pytest.approx(expected[published], abs=tolerance), key


@with_data
def test_coco_with_crowds_and_areas_gives_what_pycocotools_gives():
    folder = METRICS / "coco_val2014_100"
    expected = json.loads((folder / "expected_pycocotools_2.0.11.json").read_text())["bbox"]
    dataset, summary = coco_summary(
        folder / "instances_val2014_100.json", folder / "instances_val2014_fakebbox100_results.json", extras=True
    )
    compared(summary, expected, 1e-6)
    names = [item["name"] for item in sorted(dataset["categories"], key=lambda item: item["id"])]
    by_name = {name: item.ap_50 for name, item in zip(names, summary.per_class, strict=True) if item.ap_50 is not None}
    assert by_name == pytest.approx(expected["AP50_per_category"], abs=1e-6)


@with_data
def test_without_crowds_and_areas_boxes_are_taken_as_they_are():
    """Published with six digits; the same images as above, areas taken from the boxes and crowds from nothing."""
    folder = METRICS / "padilla" / "test_coco_eval"
    expected = json.loads((METRICS / "padilla" / "expected.json").read_text())
    _, summary = coco_summary(
        folder / "gts" / "sampled_gts_bbox_area.json", folder / "dets" / "sampled_bbox_results.json", extras=False
    )
    compared(summary, expected["test_coco_eval (areas taken from the boxes, crowd ignored)"], 1e-6)


@with_data
def test_a_crowd_takes_detections_without_counting_them():
    """Published by faster_coco_eval; one annotation of the file is a crowd."""
    folder = METRICS / "faster_coco_eval"
    expected = json.loads((folder / "expected.json").read_text())["ignore_test_bbox (min_score 0.1)"]
    _, summary = coco_summary(folder / "gt_ignore_test.json", folder / "dt_ignore_test.json", extras=True, lowest=0.1)
    compared(summary, expected, 1e-6)


@with_data
def test_the_toy_example_differs_from_voc_by_the_sampling_of_recall():
    """VOC takes the area under all points of the curve, COCO the mean of 101 of them."""
    folder = METRICS / "padilla" / "toyexample"
    expected = json.loads((METRICS / "padilla" / "expected.json").read_text())
    truth = folder / "gts_coco_format" / "toy_example_coco.JSON"
    _, summary = coco_summary(truth, folder / "dets_coco_format" / "coco_dets.json", extras=False)
    published = expected["toyexample (class cat, 12 gts, 12 dets)"]["IoU 0.5"]["all-point"]
    assert summary.per_class[0].ap_50 == pytest.approx(published, abs=0.006)


@with_data
@pytest.mark.parametrize(
    ("truth", "results"),
    [("padilla/test_case_1/gts", "padilla/test_case_1/dets"), ("padilla_v1/groundtruths", "padilla_v1/detections")],
)
def test_the_voc_case_differs_by_the_sampling_of_recall(truth, results):
    """All-point AP at IoU 0.5 is published as 0.0222: one hit, of precision 1/3, at a recall of 1/15 of the objects.

    COCO samples that step at 7 of 101 recalls, 0 to 0.06, so that 7/101 stands for 1/15.
    """
    expected = json.loads((METRICS / "padilla" / "expected.json").read_text())
    case = expected['test_case_1 (class "object", gts: x y w h, dets: conf x y w h, absolute)']["all-point AP"]["0.5"]
    (value,) = text_summary(METRICS / truth, METRICS / results, sized=True).values()
    assert case == pytest.approx(1 / 3 / 15)
    assert value == pytest.approx(1 / 3 * 7 / 101)


@with_data
def test_thirty_voc_classes_differ_by_less_than_a_hundredth():
    """Boxes there end on a pixel that belongs to them, one wider than ours, and the area is under all points.

    Classes without objects have no value with us and are not listed there.
    """
    folder = METRICS / "cartucho"
    listed = re.findall(r"([\d.]+)% = (\w+) AP", (folder / "expected_output.txt").read_text())
    expected = {name: float(value) / 100 for value, name in listed}
    found = text_summary(folder / "input" / "ground-truth", folder / "input" / "detection-results", sized=False)
    known = {name: value for name, value in found.items() if value is not None}
    assert known == pytest.approx(expected, abs=0.01)


def one(boxes: list, labels: list, scores: list | None = None, **more):
    import torch

    item = {
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        "labels": torch.tensor(labels, dtype=torch.int64),
        **more,
    }
    return item if scores is None else {**item, "scores": torch.tensor(scores, dtype=torch.float32)}


BOX = [10.0, 10.0, 50.0, 50.0]


def test_nothing_gathered_has_no_values():
    metrics = BoxMetrics(2)
    assert set(metrics.summary().overall.values()) == {None}
    assert all(math.isnan(value) for value in metrics.compute().values())


def test_images_with_nothing_on_either_side_count():
    metrics = BoxMetrics(3)
    metrics.update([one([], [], []), one([BOX], [1], [0.9])], [one([], []), one([], [])])
    assert set(metrics.summary().overall.values()) == {None}, "no object, so nothing to be found"
    metrics.update([one([], [], [])], [one([BOX], [1])])
    summary = metrics.summary()
    assert summary.overall["map"] == 0
    assert [item.ap for item in summary.per_class] == [None, 0.0, None]


def test_a_perfect_detector_has_one_and_false_alarms_cost():
    metrics = BoxMetrics(2)
    metrics.update([one([BOX], [0], [0.9])], [one([BOX], [0])])
    assert metrics.compute()["map"] == pytest.approx(1)
    metrics.update([one([BOX], [0], [0.95])], [one([], [])])
    assert metrics.compute()["map_50"] == pytest.approx(0.5)
    metrics.reset()
    assert metrics.summary().overall["map"] is None


def test_more_than_a_hundred_detections_are_cut_without_a_word(caplog, capsys):
    metrics = BoxMetrics(1)
    scores = [0.5] * 150 + [0.4]
    metrics.update([one([[0.0, 0.0, 5.0, 5.0]] * 150 + [BOX], [0] * 151, scores)], [one([BOX], [0])])
    assert metrics.compute()["map_50"] == 0, "the hit is the 151st"
    assert not caplog.records
    assert capsys.readouterr() == ("", "")
