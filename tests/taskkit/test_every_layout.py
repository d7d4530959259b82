"""Every layout of the reference data is recognised, and read or refused in words that name a file."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest

import shared.taskkit.formats
from shared.errors import Invalid
from shared.taskkit import registry
from shared.taskkit.formats.detect import FORMATS, choose_format, reader, recognised
from tests.taskkit.label_files import DATA, PARSERS, below, needs_data

pytestmark = needs_data


class Read(NamedTuple):
    """What is in a layout: images, objects by subset, labels, masks, and codes of problems."""

    format: str
    rows: int
    objects: Mapping[str | None, int] = MappingProxyType({})
    labels: int = 0
    masks: int = 0
    problems: frozenset[str] = frozenset()


class Refused(NamedTuple):
    """The beginning of what is said."""

    format: str
    words: str


def problems(*codes: str) -> frozenset[str]:
    return frozenset(codes)


TWO, THREE = {"train": 1, "val": 2}, {"train": 2, "val": 2}
NONE = "None of the 1 annotations has a bbox or a segmentation."
LAYOUTS: dict[str, Read | Refused] = {
    "corrupt_png_lums": Read("masks", 0, problems=problems("mask_unreadable")),
    "dota_float_noise_airport": Read("dota", 12, {None: 161}),
    "mmrotate_dota": Read("dota", 2, {None: 4}, problems=problems("corners_cross")),
    "roboflow_coco_dog": Read("coco", 213, {None: 258}),
    "padilla_database/gts/coco_format_v1": Read("coco", 100, {None: 273}),
    "padilla_database/gts/coco_format_v2": Read("coco", 100, {None: 273}),
    "padilla_database/gts/cvat_format": Read("cvat", 100, {None: 273}),
    "padilla_database/gts/imagenet_format": Read("pascal_voc", 100, {None: 273}),
    "padilla_database/gts/pascalvoc_format": Read("pascal_voc", 100, {None: 273}),
    "padilla_database/gts/yolo_format": Read("yolo", 100, {"train": 273}),
    "datumaro/camvid_dataset": Read("masks", 4, masks=4, problems=problems("mask_values_unknown")),
    "datumaro/cityscapes_dataset/dataset": Refused(
        "masks", "gtFine/test/defaultcity/defaultcity_000001_000031_gtFine_"
    ),
    "datumaro/cityscapes_dataset/train_dataset": Read("masks", 4, masks=4, problems=problems("mask_not_read")),
    "datumaro/coco_dataset/coco": Read("coco", 2, TWO, problems=problems("label_file_left_out")),
    "datumaro/coco_dataset/coco_captions": Refused("coco", f"annotations/captions_train.json: {NONE}"),
    "datumaro/coco_dataset/coco_image_info": Read("coco", 2),
    "datumaro/coco_dataset/coco_instances": Read("coco", 2, TWO),
    "datumaro/coco_dataset/coco_labels": Refused("coco", f"annotations/labels_train.json: {NONE}"),
    "datumaro/coco_dataset/coco_panoptic": Read("coco", 2, TWO),
    "datumaro/coco_dataset/coco_person_keypoints": Read("coco", 2, TWO),
    "datumaro/coco_dataset/coco_roboflow": Read("coco", 2, TWO),
    "datumaro/coco_dataset/coco_stuff": Read("coco", 2, {"train": 1, "val": 1}),
    "datumaro/coco_dataset/mmdet_coco": Read("coco", 2, TWO),
    "datumaro/common_semantic_segmentation_dataset/dataset": Read("masks", 2, masks=2),
    "datumaro/common_semantic_segmentation_dataset/non_standard_dataset": Read("masks", 2, masks=2),
    "datumaro/cvat_dataset/for_images/export_project": Read(
        "cvat", 6, {"train": 2, "val": 2, "test": 2}, problems=problems("shape_not_read")
    ),
    "datumaro/cvat_dataset/for_images/export_task": Read(
        "cvat", 2, {"train": 1}, problems=problems("shape_not_read", "class_missing")
    ),
    "datumaro/cvat_dataset/for_video": Read("cvat", 3, {None: 1}, problems=problems("shape_not_read")),
    "datumaro/dota_dataset": Read("dota", 3, THREE),
    "datumaro/icdar_dataset/text_localization": Read("icdar", 2, {"train": 3}, problems=problems("letters_not_kept")),
    "datumaro/icdar_dataset/text_segmentation": Read("icdar", 1, {"train": 3}, problems=problems("letters_not_kept")),
    "datumaro/icdar_dataset/word_recognition": Refused("icdar", "train/gt.txt, line 1: This is a list of words"),
    "datumaro/imagenet_dataset": Read("class_folders", 3, labels=3, problems=problems("image_without_class")),
    "datumaro/imagenet_subsets_dataset": Read("class_folders", 9, labels=9, problems=problems("image_without_class")),
    "datumaro/imagenet_txt_dataset/basic": Read("imagenet_txt", 2, labels=2, problems=problems("image_missing")),
    "datumaro/imagenet_txt_dataset/custom_labels": Read("imagenet_txt", 1, labels=1),
    "datumaro/imagenet_txt_dataset/no_labels": Refused(
        "imagenet_txt", "train.txt, line 1: The classes are numbers, and no file names them."
    ),
    "datumaro/kaggle_dataset/image_mask": Read("masks", 2, masks=2, problems=problems("mask_values_unknown")),
    "datumaro/kaggle_dataset/image_mask_with_labelmap": Read("masks", 3, masks=3),
    "datumaro/kaggle_dataset/relaxed_coco": Read("coco", 2, {None: 2}),
    "datumaro/kaggle_dataset/relaxed_voc1": Read("pascal_voc", 1, {None: 2}, problems=problems("image_not_annotated")),
    "datumaro/kaggle_dataset/relaxed_voc2": Read("pascal_voc", 1, {None: 2}, problems=problems("image_not_annotated")),
    "datumaro/kaggle_dataset/relaxed_yolo": Refused("yolo", "1.txt, line 1: No file names the classes"),
    "datumaro/labelme_dataset": Read("labelme", 1, {None: 7}, problems=problems("mask_not_read")),
    "datumaro/mvtec_dataset": Read("mvtec", 3, problems=problems("no_normal_folder")),
    "datumaro/roboflow_dataset/coco": Read("coco", 3, THREE),
    "datumaro/roboflow_dataset/createml": Read("createml", 3, THREE, problems=problems("corners_for_centres")),
    "datumaro/roboflow_dataset/tfrecord": Refused("tfrecord", "train/train.tfrecord: TFRecord files are not read"),
    "datumaro/roboflow_dataset/voc": Read("pascal_voc", 3, THREE),
    "datumaro/roboflow_dataset/yolo": Read("yolo", 3, THREE, problems=problems("subset_missing")),
    "datumaro/roboflow_dataset/yolo_obb": Read("dota", 3, THREE),
    "datumaro/voc_dataset/voc_dataset1": Read(
        "pascal_voc", 1, {"train": 2}, masks=1, problems=problems("image_not_annotated")
    ),
    "datumaro/voc_dataset/voc_dataset2": Read("pascal_voc", 5, {"train": 4}),
    "datumaro/voc_dataset/voc_dataset3": Read("pascal_voc", 1, {"train": 1}),
    "datumaro/vott_json_dataset/dataset": Read("vott", 3, {"train": 4}, problems=problems("class_missing")),
    "datumaro/vott_json_dataset/dataset_with_meta_file": Read(
        "vott", 3, {"train": 3}, problems=problems("class_missing")
    ),
    "datumaro/yolo_dataset/annotations": Read("yolo", 1, {None: 2}),
    "datumaro/yolo_dataset/labels": Read("yolo", 2, THREE),
    "datumaro/yolo_dataset/strict": Read("yolo", 1, {"train": 2}),
}
TABLES = (
    "datumaro/kaggle_dataset/image_csv",
    "datumaro/kaggle_dataset/image_csv_det",
    "datumaro/kaggle_dataset/image_csv_multi_label",
    "datumaro/kaggle_dataset/image_txt",
    "datumaro/kaggle_dataset/image_txt_det",
    "datumaro/mnist_csv_dataset",
    "datumaro/open_images_dataset/v5",
    "datumaro/open_images_dataset/v6",
    "datumaro/roboflow_dataset/multiclass",
    "datumaro/vott_csv_dataset/dataset",
    "datumaro/vott_csv_dataset/dataset_with_meta_file",
    "padilla_database/gts/openimages_format",
)
"""Layouts of CSV, which have tests of their own."""


def with_images(layout: str) -> tuple[Path, list[Path]]:
    """Return a layout and its files, among them the images that its labels name: some layouts come without."""
    root = PARSERS / layout
    files = [file for file in below(root) if not file.name.startswith("README")]
    if any(file.suffix in (".jpg", ".png", ".tfrecord") for file in files):
        return root, files
    texts = [(root / file).read_text() for file in files if file.suffix in (".json", ".xml", ".txt")]
    named = {name for text in texts for name in re.findall(r"[\w.@-]+\.jpg", text)}
    stems = {f"{file.stem}.jpg" for file in files if file.suffix in (".xml", ".txt") and file.parent == Path()}
    return root, [*files, *map(Path, sorted(named or stems))]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_recognised_and_read_or_refused(layout: str) -> None:
    expected = LAYOUTS[layout]
    root, files = with_images(layout)
    assert recognised(root, files) == expected.format
    if isinstance(expected, Refused):
        with pytest.raises(Invalid) as caught:
            reader(expected.format).read(root, files)
        assert caught.value.message.startswith(expected.words)
        assert caught.value.hint
        return
    reading = reader(expected.format).read(root, files)
    labels, masks = sum(len(row.labels) for row in reading.rows), sum(row.mask is not None for row in reading.rows)
    objects = Counter(row.subset for row in reading.rows for _ in row.objects)
    codes = frozenset(item.code for item in reading.problems)
    assert (len(reading.rows), objects, labels, masks, codes) == expected[1:]
    assert all(item.file for item in reading.problems)


@pytest.mark.parametrize("layout", TABLES)
def test_tables_are_read_or_refused_by_name(layout: str) -> None:
    root, files = with_images(layout)
    found = recognised(root, files)
    assert found is not None
    try:
        told = [item.file for item in reader(found).read(root, files).problems]
    except Invalid as error:
        told = [error.message.partition(",")[0].partition(":")[0]]
    assert all(name and (root / name).is_file() for name in told)


def test_no_layout_is_left_out() -> None:
    known = [PARSERS / layout for layout in (*LAYOUTS, *TABLES)]
    files = [path for path in PARSERS.rglob("*") if path.is_file() and path.name != "LICENSE"]
    assert [path for path in files if not any(path.is_relative_to(layout) for layout in known)] == []


@pytest.mark.parametrize(
    ("name", "format_id"),
    [
        ("bccd_voc", "pascal_voc"),
        ("boxes_dota", "dota"),
        ("clothing_small", "class_folders"),
        ("dhcn_corridor", "masks"),
        ("nuclei_fluo_coco", "coco"),
        ("table_foreign_object", "mvtec"),
    ],
)
def test_real_sets_are_recognised(name: str, format_id: str) -> None:
    root = DATA / name
    assert recognised(root, below(root)) == format_id


def test_a_task_refuses_what_it_does_not_take_by_name() -> None:
    for spec in registry.specs():
        offered = {choice.value for choice in spec.import_formats}
        for name, format_id in (("dhcn_corridor", "masks"), ("table_foreign_object", "mvtec")):
            if format_id in offered:
                continue
            root = DATA / name
            with pytest.raises(Invalid) as caught:
                choose_format(spec, "auto", root, below(root))
            assert caught.value.message.startswith(f"This looks like {FORMATS[format_id]}; {spec.label} takes ")


def test_files_without_images_are_refused_with_what_their_labels_look_like() -> None:
    spec = registry.specs()[0]
    for layout, words in (("mmrotate_dota", "Images end"), ("datumaro/roboflow_dataset/tfrecord", "COCO, YOLO")):
        root = PARSERS / layout
        with pytest.raises(Invalid, match="There are no images in there") as caught:
            choose_format(spec, "auto", root, below(root))
        assert words in (caught.value.hint or "")


def test_recognition_knows_every_reader_and_every_format_that_a_task_takes() -> None:
    folder = Path(shared.taskkit.formats.__file__).parent
    readers = {path.stem for path in folder.glob("*.py") if "\ndef recognises(" in path.read_text()}
    assert set(FORMATS) == readers
    assert {choice.value for spec in registry.specs() for choice in spec.import_formats} <= readers
