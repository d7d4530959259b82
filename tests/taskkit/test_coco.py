import json
import random
from array import array
from pathlib import Path
from typing import Any

import pytest

from shared.errors import Invalid
from shared.taskkit.formats import coco
from shared.taskkit.formats.outlines import packed
from shared.taskkit.formats.rows import Reading, Rle
from tests.taskkit.label_files import PARSERS, below, needs_data, refusal_of, survives, told

Document = dict[str, Any]


def document(**changes: object) -> Document:
    whole: Document = {
        "images": [{"id": 1, "file_name": "1.jpg", "width": 100, "height": 50}],
        "categories": [{"id": 2, "name": "dog"}, {"id": 1, "name": "cat"}],
        "annotations": [{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3.5, 4], "area": 9, "iscrowd": 1}],
    }
    return whole | changes


def annotation(**changes: object) -> Document:
    return {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]} | changes


def lines(whole: Document) -> str:
    """Return the document with each element on a line of its own, the first of an array below its key."""
    arrays = [f"{json.dumps(key)}: [\n" + ",\n".join(map(json.dumps, value)) + "]" for key, value in whole.items()]
    return "{" + ",\n".join(arrays) + "}"


def put(root: Path, whole: Document, file: str = "a.json") -> Path:
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(lines(whole))
    return root


def read(root: Path, whole: Document, *images: str, file: str = "a.json") -> Reading:
    put(root, whole, file)
    return coco.read(root, below(root, *(images or ("1.jpg",))))


def test_boxes_stay_in_pixels_and_know_where_they_stand(tmp_path: Path) -> None:
    reading = read(tmp_path, document())
    (row,) = reading.rows
    (item,) = row.objects
    assert (row.file, row.size, row.subset) == (Path("1.jpg"), (100, 50), None)
    assert (item.label, item.bbox, item.iscrowd, item.area) == ("cat", (1, 2, 3.5, 4), True, 9)
    assert (row.place.line if row.place else None, item.place.line) == (2, 7)
    assert not item.relative
    assert reading.problems == []


def test_classes_are_declared_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    many = [{"id": number, "name": f"class {number}"} for number in (10, 9, 1, 2)]
    reading = read(tmp_path, document(categories=many))
    assert reading.class_names == ("class 1", "class 2", "class 9", "class 10")


@pytest.mark.parametrize("order", [("annotations", "categories", "images"), ("images", "annotations", "categories")])
def test_the_order_of_the_arrays_does_not_matter(tmp_path: Path, order: tuple[str, ...]) -> None:
    whole = document()
    assert len(read(tmp_path, {key: whole[key] for key in order}).rows[0].objects) == 1


def test_an_area_that_is_just_the_boxs_is_not_kept(tmp_path: Path) -> None:
    reading = read(tmp_path, document(annotations=[annotation(area=12.0)]))
    assert reading.rows[0].objects[0].area is None


def test_polygons_give_the_box_where_there_is_none(tmp_path: Path) -> None:
    polygons = [[10, 20, 30, 20, 30, 45], [5, 30, 8, 30, 8, 31]]
    reading = read(tmp_path, document(annotations=[annotation(bbox=None, segmentation=polygons, area=7)]))
    (item,) = reading.rows[0].objects
    assert item.bbox == (5, 20, 25, 25)
    assert item.segmentation == tuple(array("d", polygon) for polygon in polygons)


@pytest.mark.parametrize("counts", [[101, 3, 46, 0, 1, 2, 4847], packed([101, 3, 46, 0, 1, 2, 4847])])
def test_masks_are_kept_and_give_the_box_where_there_is_none(tmp_path: Path, counts: object) -> None:
    mask = {"size": [50, 100], "counts": counts}
    reading = read(tmp_path, document(annotations=[annotation(bbox=None, segmentation=mask, iscrowd=1)]))
    (item,) = reading.rows[0].objects
    assert (item.bbox, item.iscrowd) == ((2, 1, 2, 3), True)
    assert item.segmentation == Rle((50, 100), packed([101, 3, 46, 0, 1, 2, 4847]))


@pytest.mark.parametrize(
    "segmentation", [[[1, 2]], [["x"]], "mask", {"size": [50, 100], "counts": [7]}, {"counts": "0", "size": 5}]
)
def test_a_box_is_read_without_the_segmentation_that_cannot_be_used(tmp_path: Path, segmentation: object) -> None:
    reading = read(tmp_path, document(annotations=[annotation(segmentation=segmentation)]))
    assert (reading.rows[0].objects[0].bbox, reading.rows[0].objects[0].segmentation) == ((1, 2, 3, 4), None)
    assert told(reading) == {("bad_segmentation", "a.json", 7)}


def test_segments_of_a_panoptic_annotation_are_objects(tmp_path: Path) -> None:
    segments = [{"id": 5, "category_id": 1, "bbox": [1, 2, 3, 4]}, {"id": 9, "category_id": 2, "iscrowd": 1}, 7]
    panoptic = {"image_id": 1, "file_name": "1.png", "segments_info": segments}
    reading = read(tmp_path, document(annotations=[panoptic]), "1.jpg", "panoptic_train/1.png")
    assert [(item.label, item.bbox) for item in reading.rows[0].objects] == [("cat", (1, 2, 3, 4))]
    assert told(reading) == {("box_missing", "a.json", 7), ("bad_element", "a.json", 7)}


@pytest.mark.parametrize(
    ("file", "image", "subset"),
    [
        ("annotations/instances_train2017.json", "train2017/1.jpg", "train"),
        ("annotations/instances_val.json", "images/val/1.jpg", "val"),
        ("annotations/instances_val.json", "images/1.jpg", "val"),
        ("annotations/instances_test-dev2017.json", "1.jpg", "test"),
        ("train.json", "images/train/1.jpg", "train"),
        ("valid/_annotations.coco.json", "valid/1.jpg", "val"),
        ("annotations.json", "testing/1.jpg", "test"),
        ("annotations.json", "pictures/of/1.JPG", None),
    ],
)
def test_images_and_subsets_are_found_in_the_usual_layouts(
    tmp_path: Path, file: str, image: str, subset: str | None
) -> None:
    (row,) = read(tmp_path, document(), image, file=file).rows
    assert (row.file, row.subset) == (Path(image), subset)


def test_an_image_of_the_same_name_in_another_subset_is_not_taken(tmp_path: Path) -> None:
    refused = refusal_of(coco, put(tmp_path, document(), "annotations/instances_val.json"), "train/1.jpg")
    assert refused.message.startswith("annotations/instances_val.json, line 2: There is no image '1.jpg'")


def test_names_with_folders_and_backslashes_choose_between_twins(tmp_path: Path) -> None:
    images = [{"id": 1, "file_name": r"C:\data\b\1.jpg"}]
    (row,) = read(tmp_path, document(images=images), "x/a/1.jpg", "x/b/1.jpg").rows
    assert row.file == Path("x/b/1.jpg")


def test_twins_that_nothing_tells_apart_are_not_guessed(tmp_path: Path) -> None:
    refused = refusal_of(coco, put(tmp_path, document()), "x/a/1.jpg", "x/b/1.jpg")
    assert refused.message.startswith("a.json, line 2: It is not clear which of the images called '1.jpg' is meant")


def test_subsets_in_files_of_their_own_win_over_a_file_of_everything(tmp_path: Path) -> None:
    (tmp_path / "all.json").write_text(lines(document()))
    reading = read(tmp_path, document(), file="train.json")
    assert [row.subset for row in reading.rows] == ["train"]
    assert ("image_named_twice", "all.json", 2) in told(reading)


def test_other_kinds_of_annotations_beside_instances_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "person_keypoints_train.json").write_text(lines(document()))
    reading = read(tmp_path, document(), file="instances_train.json")
    assert told(reading) == {("label_file_left_out", "person_keypoints_train.json", None)}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"bbox": [1, 2, "3", 4]}, "bad_box"),
        ({"bbox": [1, 2, float("nan"), 4]}, "bad_box"),
        ({"bbox": [1, 2, 10**400, 4]}, "bad_box"),
        ({"bbox": [1, 2, True, 4]}, "bad_box"),
        ({"bbox": [1, 2, 3]}, "bad_box"),
        ({"bbox": {"x": 1}}, "bad_box"),
        ({"bbox": None}, "box_missing"),
        ({"bbox": None, "segmentation": {"counts": "abc", "size": [1, 2]}}, "box_missing"),
        ({"bbox": None, "segmentation": [[1, 2, 3, "4", 5, 6]]}, "box_missing"),
        ({"bbox": None, "segmentation": [[1, 2, 3, 4, 5]]}, "box_missing"),
        ({"category_id": 99}, "unknown_class"),
        ({"category_id": [1]}, "unknown_class"),
        ({"image_id": 99}, "unknown_image_id"),
        ({"image_id": None}, "unknown_image_id"),
    ],
)
def test_objects_that_cannot_be_used_are_listed_with_their_line(tmp_path: Path, changes: Document, code: str) -> None:
    reading = read(tmp_path, document(annotations=[annotation(), annotation(id=2) | changes]))
    assert told(reading) == {(code, "a.json", 8)}
    assert [len(row.objects) for row in reading.rows] == [1]
    assert all(item.mend for item in reading.problems)


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ({"id": 2}, "bad_image"),
        ({"id": 2, "file_name": 5}, "bad_image"),
        ({"file_name": "2.jpg"}, "bad_image"),
        ("2.jpg", "bad_element"),
        ({"id": 2, "file_name": "gone.jpg"}, "image_missing"),
        ({"id": 1, "file_name": "2.jpg"}, "image_id_twice"),
        ({"id": 2, "file_name": "1.jpg"}, "image_named_twice"),
        ({"id": 2, "file_name": "2.jpg", "width": "wide", "height": 3}, "bad_image_size"),
    ],
)
def test_images_that_cannot_be_used_are_listed_with_their_line(tmp_path: Path, image: object, code: str) -> None:
    reading = read(tmp_path, document(images=[*document()["images"], image]))
    assert (code, "a.json", 3) in told(reading)
    assert len(reading.rows[0].objects) == 1


def test_images_that_nobody_names_are_left_out_and_listed(tmp_path: Path) -> None:
    reading = read(tmp_path, document(), "1.jpg", "2.jpg")
    assert told(reading) == {("image_not_annotated", "2.jpg", None)}
    assert reading.problems[0].severity == "warning"


def test_ids_may_be_text_in_one_place_and_numbers_in_the_other(tmp_path: Path) -> None:
    reading = read(tmp_path, document(annotations=[annotation(image_id="1", category_id=2.0)]))
    assert [item.label for item in reading.rows[0].objects] == ["dog"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('{"images": [\n{"id": 1,}]}', 2, "Not valid JSON"),
        ('{"images": [\n', 2, "Not valid JSON"),
        ('{"images": [],\n"images": []}', 2, "stands there twice"),
        ('[{"image": "1.jpg"}]', 1, "no JSON object"),
        ('{"images": [' + "[" * 100_000, 1, "nested too deeply"),
        ('{"images": [\n{"id": ' + "1" * 5000 + "}]}", 2, "Not usable JSON"),
        ("", 1, "no JSON object"),
    ],
)
def test_a_document_that_cannot_be_parsed_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    (tmp_path / "a.json").write_text(text)
    refused = refusal_of(coco, tmp_path, "1.jpg")
    assert refused.message.startswith(f"a.json, line {line}: ")
    assert words in refused.message


def test_a_document_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes('{"images": [\n{"file_name": "ü.jpg"}]}'.encode("latin-1"))
    refused = refusal_of(coco, tmp_path, "1.jpg")
    assert refused.message == "a.json, line 2: Not text in UTF-8."
    assert refused.hint == "Save the file with the encoding UTF-8."


def test_a_document_without_one_usable_object_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="No object could be read"):
        read(tmp_path, document(annotations=[annotation(category_id=5)]))
    with pytest.raises(Invalid, match="None of the 1 annotations has a bbox"):
        read(tmp_path, document(annotations=[{"image_id": 1, "caption": "a cat"}]))


def test_only_json_that_begins_like_coco_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "x", "files": []}')
    assert not coco.recognises(tmp_path, below(tmp_path, "1.jpg"))
    (tmp_path / "a.json").write_text("\ufeff" + json.dumps(document()))
    assert coco.recognises(tmp_path, below(tmp_path, "1.jpg"))
    assert len(coco.read(tmp_path, below(tmp_path, "1.jpg")).rows) == 1


def test_damaged_bytes_are_read_or_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(lines(document()))
    survives(coco, tmp_path, "a.json", ["1.jpg"])


def test_values_of_any_kind_anywhere_are_read_or_refused(tmp_path: Path) -> None:
    junk = [None, True, -1, 1e308, float("nan"), "", "text", "\ud800", [], {}, [[]], [None], {"id": 1}, 10**300]
    rng = random.Random(0)
    read_count = 0
    mask = {"size": [2, 3], "counts": [1, 5]}
    for _ in range(400):
        outlined = [annotation(bbox=None, segmentation=item) for item in ([[1, 2, 3, 4, 5, 6]], mask)]
        whole = document(annotations=[annotation(), *outlined])
        elements = whole[rng.choice(list(whole))]
        element = elements[rng.randrange(len(elements))]
        key = rng.choice(list(element))
        element[key] = rng.choice(junk)
        if isinstance(document()["annotations"][0].get(key), list) and rng.random() < 0.5:
            element[key] = [rng.choice(junk) for _ in range(4)]
        try:
            reading = read(tmp_path, whole)
        except Invalid:
            continue
        read_count += 1
        assert all(item.model_dump_json() for item in reading.problems)
        assert all(item.label.encode() for row in reading.rows for item in row.objects)
    assert read_count > 200


@needs_data
def test_a_super_category_that_no_object_has_is_no_class() -> None:
    root = PARSERS / "roboflow_coco_dog"
    (file,) = [path for path in below(root) if path.suffix == ".json"]
    names = [item["file_name"] for item in json.loads((root / file).read_text())["images"]]
    reading = coco.read(root, below(root, *names))
    assert reading.class_names == ("dog",)
    assert (len(reading.rows), sum(len(row.objects) for row in reading.rows)) == (213, 258)
    assert reading.problems == []
