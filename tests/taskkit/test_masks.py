import json
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats import masks, mvtec
from shared.taskkit.formats.rows import Anomaly, MaskValue, Reading
from tests.taskkit.label_files import DATA, PARSERS, below, needs_data, refusal_of, survives, told

CLASSES = "Pixel Value, Class\n0, background\n1, road\n"


def put(root: Path, *images: str, **tables: str) -> None:
    for name in images:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 3)).save(root / name)
    for name, text in tables.items():
        (root / name.replace("__", ".")).write_text(text)


def read(root: Path, *images: str, **tables: str) -> Reading:
    put(root, *images, **tables or {"_classes__csv": CLASSES})
    return masks.read(root, below(root))


def pairs(reading: Reading) -> dict[str, str]:
    return {str(row.file): str(row.mask) for row in reading.rows}


@pytest.mark.parametrize(
    ("image", "mask", "subset"),
    [
        ("images/1.jpg", "masks/1.png", None),
        ("train/images/a/1.jpg", "train/masks/a/1.png", "train"),
        ("images/val/1.jpg", "labels/val/1.png", "val"),
        ("train_images/1.jpg", "train_masks/1.png", "train"),
        ("test/1.png", "testannot/1.png", "test"),
        ("test/1.png", "test_labels/1_L.png", "test"),
        ("valid/x.y.jpg", "valid/x.y_mask.png", "val"),
        ("images/image_01.png", "masks/gt_01.png", None),
        ("images/img_1.png", "masks/img_1.png", None),
        ("images/cat_label.png", "masks/cat_label.png", None),
        ("leftImg8bit/val/a/a_1_leftImg8bit.png", "gtFine/val/a/a_1_gtFine_labelIds.png", "val"),
        ("JPEGImages/1.jpg", "SegmentationClass/1.png", None),
        ("set/1.jpg", "set/1_mask.png", None),
    ],
)
def test_masks_are_found_in_the_usual_places(tmp_path: Path, image: str, mask: str, subset: str | None) -> None:
    put(tmp_path, image, mask)
    assert masks.recognises(tmp_path, below(tmp_path))
    reading = read(tmp_path, image, mask)
    assert pairs(reading) == {image: mask}
    assert reading.rows[0].subset == subset
    assert reading.problems == []


def test_images_and_masks_that_have_no_partner_are_listed(tmp_path: Path) -> None:
    names = ["images/1.png", "masks/1.png", "images/2.png", "masks/3.png", "images/1.jpg", "a/4_mask.png"]
    reading = read(tmp_path, *names)
    assert pairs(reading) == {"images/1.jpg": "masks/1.png"}
    assert told(reading) == {
        ("image_not_annotated", "images/1.png", None),
        ("image_not_annotated", "images/2.png", None),
        ("image_not_annotated", "a/4_mask.png", None),
        ("mask_without_image", "masks/3.png", None),
    }


def test_one_of_several_masks_is_read_and_the_others_told(tmp_path: Path) -> None:
    kinds = ("labelIds", "labelTrainIds", "instanceIds", "color")
    reading = read(tmp_path, "leftImg8bit/a_leftImg8bit.png", *(f"gtFine/a_gtFine_{kind}.png" for kind in kinds))
    assert pairs(reading) == {"leftImg8bit/a_leftImg8bit.png": "gtFine/a_gtFine_labelTrainIds.png"}
    assert {code for code, _, _ in told(reading)} == {"mask_not_read"}


NUMBERED: dict[MaskValue, str] = {0: "background", 1: "road"}
COLOURED: dict[MaskValue, str] = NUMBERED | {(0, 0, 0): "background", (255, 0, 9): "road"}


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("_classes__csv", CLASSES, NUMBERED),
        ("classes__csv", 'id,"name"\n1,road\n\n0,background', NUMBERED),
        ("labelmap__csv", "name,r,g,b\nbackground,0,0,0\nroad,255,0,9\n", COLOURED),
        ("class_dict__csv", "name,red,green,blue\nbackground,0,0,0\nroad,255,0,9\n", COLOURED),
        ("labelmap__txt", "# label:color_rgb:parts:actions\nbackground:0,0,0::\nroad:255,0,9::\n", COLOURED),
        ("label_colors__txt", "0 0 0\tbackground\n255 0 9\t\troad\n", COLOURED),
        (
            "dataset_meta__json",
            json.dumps(
                {"label_map": {"0": "background", "1": "road"}, "segmentation_colors": [[0, 0, 0], [255, 0, 9]]}
            ),
            COLOURED,
        ),
        ("dataset_meta__json", json.dumps({"label_map": {"0": "background", "1": "road", "x": "y"}}), NUMBERED),
    ],
)
def test_tables_say_what_values_stand_for(tmp_path: Path, name: str, text: str, values: dict[MaskValue, str]) -> None:
    reading = read(tmp_path, "images/1.png", "masks/1.png", **{name: text})
    assert reading.mask_values == values
    assert reading.class_names == ("background", "road")
    assert reading.problems == []


def test_well_known_sets_need_no_table(tmp_path: Path) -> None:
    names = {"JPEGImages/2007_000001.jpg", "SegmentationClass/2007_000001.png", "ImageSets/Segmentation/val.png"}
    put(tmp_path, *names)
    (tmp_path / "ImageSets/Segmentation/val.txt").write_text("2007_000001\n")
    reading = masks.read(tmp_path, below(tmp_path))
    assert (reading.mask_values[15], reading.mask_values[192, 128, 128]) == ("person", "person")
    assert reading.mask_values[20] == reading.mask_values[0, 64, 128] == "tvmonitor"
    assert reading.rows[0].subset == "val"


def test_values_that_no_table_names_are_told(tmp_path: Path) -> None:
    reading = read(tmp_path, "images/1.png", "masks/1.png", other__csv="id,label\nabc,cat\n")
    assert (reading.mask_values, told(reading)) == ({}, {("mask_values_unknown", "masks/1.png", None)})
    named = masks.read(tmp_path, below(tmp_path), ReadOptions(class_names=("background", "road")))
    assert (named.mask_values, named.problems) == (NUMBERED, [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Pixel Value, Class\n0, background\nroad, 1\n", "_classes.csv, line 3: 'road' is no value of a pixel"),
        ("Pixel Value, Class\n0, background\n1,\n", "_classes.csv, line 3: The row has no class"),
        ('Pixel Value, Class\n0, background\n1, "road\n', "_classes.csv: Not valid CSV"),
    ],
)
def test_broken_tables_are_refused_with_their_line(tmp_path: Path, text: str, words: str) -> None:
    put(tmp_path, "images/1.png", "masks/1.png", _classes__csv=text)
    assert words in refusal_of(masks, tmp_path).message


def test_tables_that_differ_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "train/1.jpg", "train/1_mask.png", _classes__csv=CLASSES)
    (tmp_path / "train" / "_classes.csv").write_text(CLASSES.replace("road", "path"))
    refused = refusal_of(masks, tmp_path)
    assert (
        refused.message == "train/_classes.csv, line 1: The classes of the masks are named otherwise in _classes.csv."
    )


def test_a_mask_that_cannot_be_read_leaves_its_image_out(tmp_path: Path) -> None:
    put(tmp_path, "images/1.png", "masks/1.png", "images/2.png", "masks/2.png")
    (tmp_path / "masks/2.png").write_bytes((tmp_path / "masks/1.png").read_bytes().replace(b"\r\n", b"\n"))
    reading = read(tmp_path)
    assert pairs(reading) == {"images/1.png": "masks/1.png"}
    assert told(reading) == {("mask_unreadable", "masks/2.png", None)}


def test_without_pairs_the_import_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.png", "dog/1.png")
    assert not masks.recognises(tmp_path, below(tmp_path))
    assert refusal_of(masks, tmp_path).code == "no_masks"
    put(tmp_path, "gtFine/a_gtFine_instanceIds.png")
    assert masks.recognises(tmp_path, below(tmp_path))
    assert refusal_of(masks, tmp_path).message.startswith("gtFine/a_gtFine_instanceIds.png: Only masks of instances")


def test_damaged_bytes_are_read_or_refused(tmp_path: Path) -> None:
    meta = json.dumps({"label_map": {"0": "a", "1": "b"}, "segmentation_colors": [[0, 0, 0], [255, 0, 9]]})
    put(tmp_path, "images/1.png", "masks/1.png", "images/2.png", "masks/2.png", _classes__csv=CLASSES)
    assert survives(masks, tmp_path, "masks/1.png", [], 150)
    assert survives(masks, tmp_path, "_classes.csv", [], 150)
    (tmp_path / "_classes.csv").unlink()
    (tmp_path / "dataset_meta.json").write_text(meta)
    assert survives(masks, tmp_path, "dataset_meta.json", [], 150)


def test_defects_have_masks_and_good_images_none(tmp_path: Path) -> None:
    names = ("train/good/1.png", "test/good/2.png", "test/hole/1.png", "test/scratch/1.png", "validation/good/3.png")
    put(tmp_path, *(f"bottle/{name}" for name in names), "bottle/ground_truth/hole/1_mask.png")
    assert mvtec.recognises(tmp_path, below(tmp_path))
    reading = mvtec.read(tmp_path, below(tmp_path))
    assert {str(row.file): (row.subset, row.anomaly) for row in reading.rows} == {
        "bottle/train/good/1.png": ("train", Anomaly(False)),
        "bottle/test/good/2.png": ("test", Anomaly(False)),
        "bottle/validation/good/3.png": ("val", Anomaly(False)),
        "bottle/test/hole/1.png": ("test", Anomaly(True, "hole", Path("bottle/ground_truth/hole/1_mask.png"))),
        "bottle/test/scratch/1.png": ("test", Anomaly(True, "scratch")),
    }
    assert reading.problems == []


def test_masks_of_defects_that_are_missing_broken_or_too_many_are_told(tmp_path: Path) -> None:
    put(tmp_path, "train/good/1.png", *(f"test/hole/{name}.png" for name in "123"), "test/loose.png")
    put(tmp_path, *(f"ground_truth/hole/{name}_mask.png" for name in "239"))
    (tmp_path / "ground_truth/hole/3_mask.png").write_bytes(b"\x89PNG\n\x1a\n")
    reading = mvtec.read(tmp_path, below(tmp_path))
    assert told(reading) == {
        ("mask_missing", "test/hole/1.png", None),
        ("mask_unreadable", "ground_truth/hole/3_mask.png", None),
        ("mask_without_image", "ground_truth/hole/9_mask.png", None),
        ("image_without_class", "test/loose.png", None),
    }
    assert [row.file.name for row in reading.rows if row.anomaly and row.anomaly.is_anomalous] == ["1.png", "2.png"]


def test_without_a_folder_of_good_images_kinds_without_masks_are_normal(tmp_path: Path) -> None:
    put(tmp_path, "test/fine/1.png", "test/hole/1.png", "ground_truth/hole/1_mask.png")
    reading = mvtec.read(tmp_path, below(tmp_path))
    assert [row.anomaly and row.anomaly.is_anomalous for row in reading.rows] == [False, True]
    assert told(reading) == {("no_normal_folder", "ground_truth", None)}


def test_class_folders_are_not_taken_for_defects(tmp_path: Path) -> None:
    put(tmp_path, "train/good/1.png", "train/bad/1.png", "test/good/1.png", "test/bad/1.png")
    assert not mvtec.recognises(tmp_path, below(tmp_path))
    assert refusal_of(mvtec, tmp_path / "train" / "good").code == "no_label_file"


@needs_data
def test_corridors_and_their_masks() -> None:
    root = DATA / "dhcn_corridor"
    assert masks.recognises(root, below(root))
    reading = masks.read(root, below(root))
    assert Counter(row.subset for row in reading.rows) == {"train": 110, "val": 45, "test": 45}
    assert len(reading.mask_values) == 11
    assert reading.class_names[:3] == ("background", "cabinet", "ceiling")
    assert reading.problems == []


@needs_data
def test_foreign_objects_on_a_table() -> None:
    root = DATA / "table_foreign_object"
    assert mvtec.recognises(root, below(root))
    reading = mvtec.read(root, below(root))
    found = Counter((row.subset, row.anomaly and row.anomaly.defect) for row in reading.rows)
    assert found == {("train", None): 140, ("test", None): 45, ("test", "box"): 60}
    assert sum(bool(row.anomaly and row.anomaly.mask) for row in reading.rows) == 60
    assert reading.problems == []


@needs_data
def test_masks_destroyed_on_their_way_are_listed_each() -> None:
    root = PARSERS / "corrupt_png_lums"
    assert masks.recognises(root, below(root))
    reading = masks.read(root, below(root))
    assert reading.rows == []
    assert told(reading) == {("mask_unreadable", path.name, None) for path in root.glob("*_mask.png")}
    assert len(reading.problems) == 4
