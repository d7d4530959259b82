"""Outlines and turned boxes in a project of upright boxes."""

import json
from array import array
from collections.abc import Callable
from math import pi
from pathlib import Path

import pytest

from services.importer import shapes
from services.importer.run import work
from shared.bus.run import Run
from shared.schemas.project import Project
from shared.store.workspace import Workspace
from shared.taskkit.formats.outlines import turned
from shared.taskkit.formats.rows import ObjectRow, Outline, Place, Quad, Rle, Row
from tests.support.generated import shape_image

TRIANGLE = array("d", [0, 0, 4, 0, 0, 4])
RECTANGLE = array("d", [1, 1, 5, 1, 5, 9, 1, 9])


def told(*objects: ObjectRow, kind: str = "box") -> list[tuple[str | None, str]]:
    return [(item.file, item.message) for item in shapes.lost([Row(Path("a.jpg"), objects=objects)], kind)]


def thing(file: str, segmentation: Outline | None = None, corners: Quad | None = None) -> ObjectRow:
    return ObjectRow("thing", (0, 0, 4, 4), Place(file, 3), segmentation=segmentation, corners=corners)


def test_each_label_file_is_told_once_how_many_shapes_are_lost() -> None:
    mask, quad = Rle((4, 4), "04"), turned(0, 0, 8, 4, 0.3)
    found = told(
        thing("a.json", (TRIANGLE,)),
        thing("a.json", mask),
        thing("a.json", None, quad),
        thing("b.txt", None, quad),
        thing("c.txt"),
    )
    assert [file for file, _ in found] == ["a.json", "b.txt"]
    assert "2 outlines (polygon or mask) and 1 turned box:" in found[0][1]
    assert found[1][1].startswith("1 turned box:")


@pytest.mark.parametrize("closed", [False, True])
def test_what_is_an_upright_rectangle_loses_nothing(closed: bool) -> None:
    outline = array("d", [*RECTANGLE, *RECTANGLE[:2]]) if closed else RECTANGLE
    assert told(thing("a", (outline,))) == []


@pytest.mark.parametrize("angle", [0.0, pi / 2, pi, -pi / 2])
def test_a_box_that_is_turned_by_right_angles_loses_nothing(angle: float) -> None:
    assert told(thing("a", None, turned(0.1, 0.2, 0.5, 0.3, angle))) == []


def test_a_skewed_polygon_of_four_corners_is_an_outline() -> None:
    assert len(told(thing("a", (array("d", [0, 0, 4, 0, 5, 4, 1, 4]),)))) == 1


def test_other_tasks_are_not_told_of_boxes() -> None:
    assert told(thing("a", (TRIANGLE,)), kind="polygon") == []


@pytest.mark.parametrize("preview", [False, True])
def test_preview_and_import_list_it(
    claimed: Callable[..., Run], workspace: Workspace, boxes: Project, tmp_path: Path, preview: bool
) -> None:
    root = tmp_path / "coco"
    root.mkdir()
    (root / "a.jpg").write_bytes(shape_image(0, 1))
    outlined = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9], "segmentation": [[1, 1, 10, 1, 5, 10]]}
    images = [{"id": 1, "file_name": "a.jpg", "width": 80, "height": 60}]
    document = {"images": images, "annotations": [outlined], "categories": [{"id": 1, "name": "thing"}]}
    (root / "labels.json").write_text(json.dumps(document))
    run = claimed(root, preview=preview)
    result = work(run)
    if preview:
        problems = [(item["code"], item["file"]) for item in result["problems"]]
    else:
        problems = [(item.code, item.file) for item in workspace.dataset(boxes.id).imports.problems(run.job.id)]
    assert problems == [("shape_lost", "labels.json")]
