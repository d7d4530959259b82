"""Folders with every fault that boxes have: what is kept, and that each fault is listed with file and line."""

import json
import os
from pathlib import Path

import pytest

from shared.errors import Invalid
from tests.support.generated import shape_image
from tests.tasks.conftest import Imported, ImportFolder

TASK = "object_detection"
DATA = Path(os.environ.get("AI_STUDIO_TEST_DATA", Path(__file__).parents[3].parent / "shared" / "data"))
WIDTH, HEIGHT = 80, 60


def images(folder: Path, *names: str) -> None:
    """Write images of 80 x 60 pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        (folder / name).write_bytes(shape_image(number % 2, number, (WIDTH, HEIGHT)))


def kept(imported: Imported) -> dict[str, list[tuple[str, tuple[float, ...]]]]:
    """Return class and box of the objects of each image."""
    names = {item.id: item.name for item in imported.head.classes}
    return {
        filename: [(names[item.class_id], item.bbox) for item in record.annotations]  # type: ignore[union-attr, misc]
        for filename, record in imported.records.items()
    }


def coco(folder: Path, *objects: str) -> None:
    """Write a COCO file about a.jpg, b.jpg and one image that is not there; the objects stand from line 7 on."""
    lines = [
        '{"images": [',
        '{"id": 1, "file_name": "a.jpg", "width": 80, "height": 60},',
        '{"id": 2, "file_name": "b.jpg", "width": 80, "height": 60},',
        '{"id": 3, "file_name": "gone.jpg", "width": 80, "height": 60}],',
        '"categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],',
        '"annotations": [',
        ",\n".join(objects),
        "]}",
    ]
    (folder / "annotations.json").write_text("\n".join(lines))


def thing(bbox: str, image: int = 1, category: int = 1, **more: int) -> str:
    extra = "".join(f', "{key}": {value}' for key, value in more.items())
    return f'{{"image_id": {image}, "category_id": {category}, "bbox": {bbox}{extra}}}'


def test_faulty_boxes_of_coco_are_listed_by_line_and_the_others_kept(import_folder: ImportFolder, tmp_path: Path):
    folder = tmp_path / "coco"
    images(folder, "a.jpg", "b.jpg", "unnamed.jpg")
    coco(
        folder,
        thing("[10, 20, 30, 25]"),
        thing("[70, 50, 20, 20]", category=2),
        thing("[90, 10, 5, 5]"),
        thing("[10, 10, 0, 5]"),
        thing("[10, 10, 5, -4]"),
        thing("[10, NaN, 5, 5]"),
        thing('[10, 10, "wide", 5]'),
        thing("[10, 10, 5, 5]", category=9),
        thing("[10, 10, 5, 5]", image=9),
        thing("[10, 10, 5, 5]", image=3),
        thing("[0, 0, 40, 40]", image=2, iscrowd=1, area=700),
    )
    imported = import_folder(TASK, folder)
    file = "annotations.json"
    assert imported.told == {
        ("image_missing", file, 4),
        ("box_outside_image", file, 8),
        ("box_outside_image", file, 9),
        ("box_without_area", file, 10),
        ("box_without_area", file, 11),
        ("bad_box", file, 12),
        ("bad_box", file, 13),
        ("unknown_class", file, 14),
        ("unknown_image_id", file, 15),
        ("image_not_annotated", "unnamed.jpg", None),
    }
    assert kept(imported) == {
        "a.jpg": [("cat", (10, 20, 30, 25)), ("dog", (70, 50, 10, 10))],
        "b.jpg": [("cat", (0, 0, 40, 40))],
    }
    crowd = imported.records["b.jpg"].annotations[0]
    assert (crowd.iscrowd, crowd.area) == (True, 700)  # type: ignore[union-attr]
    cut, outside = (item for item in imported.problems if item.code == "box_outside_image")
    assert (cut.severity, outside.severity) == ("warning", "error")
    assert "cut to [70, 50, 10, 10]" in cut.message
    assert all(item.mend for item in imported.problems)


def test_faulty_boxes_of_yolo_are_listed_by_line_and_the_others_kept(import_folder: ImportFolder, tmp_path: Path):
    folder = tmp_path / "yolo"
    images(folder / "images", "a.jpg", "b.jpg", "c.jpg")
    labels = folder / "labels"
    labels.mkdir()
    (folder / "data.yaml").write_text("names: [cat, dog]\n")
    lines = [
        "0 0.5 0.5 0.25 0.5",
        "1 1.0 0.5 0.5 0.5",
        "0 2.0 0.5 0.2 0.2",
        "0 0.5 0.5 0 0.2",
        "0 0.5 0.5 0.2 -0.2",
        "0 nan 0.5 0.2 0.2",
        "7 0.5 0.5 0.2 0.2",
    ]
    (labels / "a.txt").write_text("\n".join(lines))
    (labels / "b.txt").write_text("")
    (labels / "gone.txt").write_text(lines[0])
    imported = import_folder(TASK, folder)
    assert imported.told == {
        ("box_outside_image", "labels/a.txt", 2),
        ("box_outside_image", "labels/a.txt", 3),
        ("box_without_area", "labels/a.txt", 4),
        ("box_without_area", "labels/a.txt", 5),
        ("not_a_number", "labels/a.txt", 6),
        ("unknown_class", "labels/a.txt", 7),
        ("labels_without_image", "labels/gone.txt", None),
        ("image_without_labels", "images/c.jpg", None),
    }
    assert kept(imported) == {
        "a.jpg": [("cat", (30, 15, 20, 30)), ("dog", (60, 15, 20, 30))],
        "b.jpg": [],
        "c.jpg": [],
    }


def voc(folder: Path, name: str, *boxes: tuple[str, str, str, str]) -> None:
    """Write an XML file with an object on each line from the third on."""
    corners = ("xmin", "ymin", "xmax", "ymax")
    objects = [
        "<object><name>cat</name><bndbox>"
        + "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(corners, box, strict=True))
        + "</bndbox></object>"
        for box in boxes
    ]
    lines = ["<annotation>", f"<filename>{name}.jpg</filename>", *objects, "</annotation>"]
    (folder / f"{name}.xml").write_text("\n".join(lines))


def test_faulty_boxes_of_pascal_voc_are_listed_by_line_and_the_others_kept(import_folder: ImportFolder, tmp_path: Path):
    folder = tmp_path / "voc"
    images(folder, "a.jpg", "b.jpg", "unnamed.jpg")
    voc(
        folder,
        "a",
        ("10", "20", "40", "45"),
        ("60", "40", "100", "70"),
        ("100", "10", "120", "20"),
        ("10", "10", "10", "30"),
        ("30", "10", "20", "30"),
        ("nan", "10", "20", "30"),
        ("left", "10", "20", "30"),
    )
    voc(folder, "b")
    voc(folder, "gone", ("10", "20", "40", "45"))
    imported = import_folder(TASK, folder)
    assert imported.told == {
        ("box_outside_image", "a.xml", 4),
        ("box_outside_image", "a.xml", 5),
        ("box_without_area", "a.xml", 6),
        ("box_without_area", "a.xml", 7),
        ("bad_box", "a.xml", 8),
        ("bad_box", "a.xml", 9),
        ("image_missing", "gone.xml", 1),
        ("image_not_annotated", "unnamed.jpg", None),
    }
    assert kept(imported) == {"a.jpg": [("cat", (10, 20, 30, 25)), ("cat", (60, 40, 20, 20))], "b.jpg": []}


def test_a_box_that_reaches_out_by_a_rounded_pixel_is_cut_without_a_word(import_folder: ImportFolder, tmp_path: Path):
    folder = tmp_path / "rounded"
    images(folder, "a.jpg")
    voc(folder, "a", ("0", "0", "81", "61"))
    imported = import_folder(TASK, folder)
    assert imported.problems == []
    assert kept(imported) == {"a.jpg": [("cat", (0, 0, 80, 60))]}


def test_a_folder_whose_every_box_is_unreadable_is_refused(import_folder: ImportFolder, tmp_path: Path):
    folder = tmp_path / "nothing"
    images(folder, "a.jpg")
    content = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"image_id": 1, "category_id": 9, "bbox": [1, 1, 5, 5]}],
    }
    (folder / "annotations.json").write_text(json.dumps(content))
    with pytest.raises(Invalid, match=r"annotations\.json, line 1: The category id '9'") as caught:
        import_folder(TASK, folder)
    assert caught.value.code == "no_objects"


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "bccd_voc").is_dir(), reason=f"no blood cells at {DATA}; set AI_STUDIO_TEST_DATA")
def test_two_boxes_of_364_images_of_blood_cells_have_no_size(import_folder: ImportFolder):
    imported = import_folder(TASK, DATA / "bccd_voc")
    assert len(imported.records) == imported.head.image_count == 364
    assert {(item.code, Path(item.file or "").name) for item in imported.problems} == {
        ("box_without_area", "BloodImage_00338.xml"),
        ("box_without_area", "BloodImage_00343.xml"),
    }
    assert len(imported.problems) == 2
    for item in imported.problems:
        text = (DATA / "bccd_voc" / (item.file or "")).read_text().splitlines()
        assert "<object>" in text[(item.line or 0) - 1], "the line is the one where the object begins"
    assert sum(len(item.annotations) for item in imported.records.values()) == 4155 + 372 + 361 - 2


def test_an_image_that_lost_all_its_boxes_is_told(import_folder: ImportFolder, tmp_path: Path):
    folder = tmp_path / "coco"
    images(folder, "a.jpg", "b.jpg", "gone.jpg")
    coco(folder, thing("[10, 20, -5, 5]"), thing("[63, 10, 17.00000001, 10]", image=2), thing("[79.9999999, 1, 9, 9]"))
    imported = import_folder(TASK, folder)
    assert kept(imported)["a.jpg"] == []
    assert imported.told >= {
        ("box_without_area", "annotations.json", 7),
        ("box_outside_image", "annotations.json", 9),
        ("no_box_left", "annotations.json", 2),
    }
    assert all("a.jpg" in item.message for item in imported.problems if item.line in (2, 7, 9)), "the line may be long"
    assert len(kept(imported)["b.jpg"]) == 1


def test_categories_of_one_name_become_one_and_are_told(import_folder: ImportFolder, tmp_path: Path):
    folder = tmp_path / "coco"
    images(folder, "a.jpg", "b.jpg", "gone.jpg")
    coco(folder, thing("[1, 1, 5, 5]"), thing("[9, 9, 5, 5]", category=2))
    place = folder / "annotations.json"
    place.write_text(place.read_text().replace('"dog"', '"cat"'))
    imported = import_folder(TASK, folder)
    assert [item.name for item in imported.head.classes] == ["cat"]
    assert ("class_name_twice", "annotations.json", 5) in imported.told
