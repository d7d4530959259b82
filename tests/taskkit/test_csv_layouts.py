"""Tables as other tools write them, and real data sets."""

from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from shared.taskkit import registry
from shared.taskkit.formats import csv_boxes, csv_labels, csv_values, pascal_voc
from shared.taskkit.formats.detect import choose_format
from shared.taskkit.formats.rows import Reading
from tests.taskkit.label_files import DATA, PARSERS, below, needs_data, refusal_of, told
from tests.taskkit.test_label_layouts import boxes, sizes

pytestmark = needs_data
DATUMARO = PARSERS / "datumaro"
READERS = (csv_labels, csv_boxes, csv_values)
__all__ = ["sizes"]
DETECTIONS = {
    "1.jpg": [("dog", (0, 1, 1, 1)), ("cat", (1, 2, 2, 1))],
    "2.jpg": [("cat", (0, 0, 1, 1))],
    "3.jpg": [("dog", (0, 2, 2, 2)), ("dog", (0, 0, 1, 1)), ("cat", (1, 1, 1, 1))],
}


def recognised(root: Path, files: list[Path]) -> list[ModuleType]:
    return [reader for reader in READERS if reader.recognises(root, files)]


def labels(reading: Reading) -> dict[str, tuple[str, ...]]:
    return {row.file.name: row.labels for row in reading.rows}


@pytest.mark.parametrize("layout", ["image_csv", "image_txt"])
@pytest.mark.parametrize("table", ["ann", "ann_wo_ext"])
def test_a_class_an_image_as_kaggle_has_it(layout: str, table: str) -> None:
    root = DATUMARO / "kaggle_dataset" / layout
    files = [file for file in below(root) if file.suffix == ".jpg" or file.stem == table]
    assert recognised(root, files) == [csv_labels]
    reading = csv_labels.read(root, files)
    assert labels(reading) == {f"{n}.jpg": (name,) for n, name in enumerate(("dog", "cat", "dog", "cat", "cat"), 1)}
    assert reading.problems == []


@pytest.mark.parametrize("table", ["ann", "ann_wo_ext"])
def test_a_column_a_class_as_kaggle_has_it(table: str) -> None:
    root = DATUMARO / "kaggle_dataset" / "image_csv_multi_label"
    files = [file for file in below(root) if file.suffix == ".jpg" or file.stem == table]
    assert recognised(root, files) == [csv_labels]
    reading = csv_labels.read(root, files)
    assert reading.class_names == ("dog", "cat", "person")
    assert labels(reading)["5.jpg"] == ("dog", "person")
    assert Counter(label for row in reading.rows for label in row.labels) == {"dog": 3, "cat": 3, "person": 3}
    assert reading.problems == []


@pytest.mark.parametrize(
    ("layout", "table", "guessed"),
    [
        ("image_csv_det", "ann.csv", False),
        ("image_csv_det", "ann2.csv", False),
        ("image_csv_det", "ann3.csv", True),
        ("image_txt_det", "ann.txt", True),
    ],
)
def test_boxes_as_kaggle_has_them(layout: str, table: str, guessed: bool) -> None:
    root = DATUMARO / "kaggle_dataset" / layout
    files = [file for file in below(root) if file.suffix == ".jpg" or file.name == table]
    assert recognised(root, files) == [csv_boxes]
    reading = csv_boxes.read(root, files)
    assert {row.file.name: [(item.label, item.bbox) for item in row.objects] for row in reading.rows} == DETECTIONS
    assert told(reading) == ({("box_layout_guessed", table, 1)} if guessed else set())


def test_boxes_of_one_class_in_a_list() -> None:
    root = DATUMARO / "kaggle_dataset" / "image_txt_det"
    reading = csv_boxes.read(root, [file for file in below(root) if file.name != "ann.txt"])
    found = {row.file.name: [item.bbox for item in row.objects] for row in reading.rows}
    assert found == {name: [bbox for _, bbox in items] for name, items in DETECTIONS.items()}
    assert {item.label for row in reading.rows for item in row.objects} == {"object"}


def test_lists_as_imagenet_has_them() -> None:
    root = DATUMARO / "imagenet_txt_dataset" / "basic"
    files = below(root, "images/3.jpg", "images/4.jpg")
    reading = csv_labels.read(root, files)
    assert labels(reading) == {f"{n}.jpg": (f"label_{k}",) for n, k in ((1, 0), (2, 5), (3, 3), (4, 5))}
    assert reading.class_names == tuple(f"label_{n}" for n in range(10))
    assert reading.problems == []
    named = csv_labels.read(*_with(DATUMARO / "imagenet_txt_dataset" / "custom_labels", "1.jpg"))
    assert labels(named) == {"1.jpg": ("alt_label_0",)}
    unnamed = csv_labels.read(*_with(DATUMARO / "imagenet_txt_dataset" / "no_labels", "1.jpg"))
    assert labels(unnamed) == {"1.jpg": ("4",)}


def _with(root: Path, *images: str) -> tuple[Path, list[Path]]:
    return root, below(root, *images)


def test_a_column_a_class_as_roboflow_has_it() -> None:
    root = DATUMARO / "roboflow_dataset" / "multiclass"
    assert recognised(root, below(root)) == [csv_labels]
    reading = csv_labels.read(root, below(root))
    assert labels(reading) == {
        "train_001.jpg": ("label_0",),
        "train_002.jpg": ("label_1",),
        "val_001.jpg": ("label_0", "label_1"),
    }
    assert [row.subset for row in reading.rows] == ["train", "train", "val"]
    assert reading.problems == []


@pytest.mark.parametrize(
    ("layout", "found"),
    [
        ("dataset", {"test": ["helmet", "person"], "train": ["helmet", "helmet", "person"]}),
        ("dataset_with_meta_file", {"test": ["helmet", "person"]}),
    ],
)
def test_boxes_as_vott_has_them(layout: str, found: dict[str, list[str]]) -> None:
    root = DATUMARO / "vott_csv_dataset" / layout
    assert recognised(root, below(root)) == [csv_boxes]
    reading = csv_boxes.read(root, below(root))
    by_subset: dict[str, list[str]] = {}
    for row in reading.rows:
        by_subset.setdefault(str(row.subset), []).extend(item.label for item in row.objects)
    assert {name: sorted(items) for name, items in by_subset.items()} == found
    assert reading.rows[1].objects[0].bbox == pytest.approx((11.5, 12, 10.2, 20.5))


def test_open_images_has_boxes_and_labels() -> None:
    root = DATUMARO / "open_images_dataset" / "v6"
    reading = csv_boxes.read(root, below(root))
    assert {
        row.file.name: [(item.label, item.relative, item.iscrowd) for item in row.objects] for row in reading.rows
    } == {"b.jpg": [("Generic label #0", True, False)], "c.jpg": [("Generic label #3", True, True)]}
    assert {item.code for item in reading.problems if item.severity == "error"} == {"image_named_twice"}
    assert labels(csv_labels.read(root, below(root))) == {
        "a.jpg": ("Generic label #0",),
        "b.jpg": (),
        "c.jpg": ("Generic label #1", "Generic label #3"),
    }


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ("datumaro/mnist_csv_dataset", "mnist_test.csv, line 1: The rows hold the pixels of images"),
        ("datumaro/open_images_dataset/v5", "annotations/test-images-with-rotation.csv, line 1: No column"),
        ("datumaro/kaggle_dataset/image_mask_with_labelmap", "labelmap.csv, line 1: No column names the images."),
        ("datumaro/camvid_dataset", "test.txt, line 1: No column"),
        ("datumaro/icdar_dataset/text_localization", "gt_img_1.txt, line 1: No column"),
        ("corrupt_png_lums", "_classes.csv, line 1: No column names the images."),
    ],
)
@pytest.mark.parametrize("reader", [csv_labels, csv_boxes])
def test_tables_that_hold_something_else_are_refused(layout: str, words: str, reader: ModuleType) -> None:
    root = PARSERS / layout
    assert not reader.recognises(root, below(root))
    refused = refusal_of(reader, root)
    assert words in refused.message
    assert refused.hint


@pytest.mark.parametrize(
    ("layout", "format_id"),
    [
        ("kaggle_dataset/image_csv", "csv_labels"),
        ("kaggle_dataset/image_txt", "csv_labels"),
        ("imagenet_txt_dataset/basic", "imagenet_txt"),
        ("imagenet_dataset", "class_folders"),
        ("imagenet_subsets_dataset", "class_folders"),
        ("vott_csv_dataset/dataset", "csv_boxes"),
        ("kaggle_dataset/image_txt_det", "csv_boxes"),
        ("roboflow_dataset/voc", "pascal_voc"),
    ],
)
def test_tasks_choose_tables_only_where_they_are_meant(layout: str, format_id: str) -> None:
    spec = next(spec for spec in registry.specs() if format_id in [item.value for item in spec.import_formats])
    assert choose_format(spec, "auto", DATUMARO / layout, below(DATUMARO / layout)) == format_id


def test_the_same_273_boxes_are_read_from_a_table(sizes: dict[str, tuple[int, int]]) -> None:
    truth = boxes(pascal_voc, "pascalvoc_format", sizes)
    found = boxes(csv_boxes, "openimages_format", sizes)
    assert sum(map(len, truth.values())) == sum(map(len, found.values())) == 273
    assert found.keys() == truth.keys()
    for image, expected in truth.items():
        assert [label for label, _ in found[image]] == [label for label, _ in expected], image
        for (_, box), (_, true) in zip(found[image], expected, strict=True):
            assert box == pytest.approx(true, abs=0.01), image


def test_the_boxes_of_blood_cells_are_the_same_in_a_table() -> None:
    root = DATA / "bccd_voc"
    files = [file for file in below(root) if file.suffix != ".xml"]
    table = csv_boxes.read(root, files)
    voc = {
        row.file: sorted((item.label, item.bbox) for item in row.objects)
        for row in pascal_voc.read(root, below(root)).rows
    }
    found = {row.file: sorted((item.label, item.bbox) for item in row.objects) for row in table.rows}
    assert len(found) > 70
    assert all(voc[file] == items for file, items in found.items())
