"""Pictures that are there already, in the dataset or in the same import."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.importer import duplicates
from shared.schemas.annotations import BoxAnnotation
from shared.schemas.project import Project
from shared.store.workspace import Workspace
from tests.support.generated import shape_image

Import = Callable[..., dict[str, Any]]


def test_the_same_picture_in_two_classes_is_reported(
    do_import: Import, workspace: Workspace, project: Project, folder: Path
) -> None:
    shutil.copy(folder / "train/class-0/0.jpg", folder / "train/class-1/copy.jpg")
    do_import(folder)
    report = workspace.dataset(project.id).head().last_import
    assert report is not None
    assert [item.code for item in report.problems] == ["duplicate_image"]
    assert "annotated differently" in report.problems[0].message


def test_a_known_picture_of_another_class_is_named_with_how_to_take_it_over(
    do_import: Import, workspace: Workspace, project: Project, folder: Path
) -> None:
    do_import(folder)
    (folder / "train/class-0/0.jpg").rename(folder / "train/class-1/0.jpg")
    shutil.copy(folder / "train/class-1/1.jpg", folder / "train/class-1/copy.jpg")
    (folder / "train/class-1/new.jpg").write_bytes(shape_image(1, 50))
    shutil.copy(folder / "train/class-1/new.jpg", folder / "train/class-1/new-twin.jpg")
    result = do_import(folder)
    assert (result["added"], result["known"], result["duplicates"]) == (1, 7, 1)
    report = workspace.dataset(project.id).head().last_import
    assert report is not None
    other = [item for item in report.problems if item.code == "known_image_other_annotations"]
    assert [item.file for item in other] == ["train/class-1/0.jpg"]
    assert "delete the image" in (other[0].mend or "")


def test_annotations_are_the_same_in_any_order_and_after_rounding() -> None:
    boxes = [BoxAnnotation(class_id=0, bbox=(30.5 * number, 10.5, 10.5, 10.5)) for number in range(4)]
    rounded = [
        BoxAnnotation(class_id=0, bbox=(x - 1e-9, y + 1e-9, w, h + 1e-9)) for x, y, w, h in (b.bbox for b in boxes)
    ]
    assert duplicates._equal(boxes, rounded[::-1])
    assert not duplicates._equal(boxes, [*rounded[:3], rounded[0]])
    assert not duplicates._equal(boxes, rounded[:3])
    assert not duplicates._equal(boxes, [*rounded[:3], boxes[3].model_copy(update={"class_id": 1})])
