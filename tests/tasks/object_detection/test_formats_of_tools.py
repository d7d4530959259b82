"""The same two objects in the formats of labelling tools: each imports as the same two boxes, without a word."""

import json
from pathlib import Path

import pytest

from shared.errors import Invalid
from tests.support.generated import shape_image
from tests.tasks.conftest import ImportFolder
from tests.tasks.object_detection.test_importing import kept

TASK = "object_detection"
SIZE = (80, 60)
BOXES = {"cat": (10, 20, 30, 25), "dog": (41, 5, 16, 50)}
POINTS = {name: [(x, y), (x + w, y), (x + w, y + h), (x, y + h)] for name, (x, y, w, h) in BOXES.items()}


def cvat() -> str:
    x, y, w, h = BOXES["cat"]
    points = ";".join(f"{x},{y}" for x, y in POINTS["dog"])
    return (
        f'<annotations><version>1.1</version><image name="a.jpg" width="80" height="60">'
        f'<box label="cat" xtl="{x}" ytl="{y}" xbr="{x + w}" ybr="{y + h}"/>'
        f'<polygon label="dog" points="{points}"/></image></annotations>'
    )


def labelme() -> str:
    outlines = {name: "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in POINTS[name]) for name in BOXES}
    objects = (f"<object><name>{name}</name><polygon>{points}</polygon></object>" for name, points in outlines.items())
    return f"<annotation><filename>a.jpg</filename>{''.join(objects)}</annotation>"


def labelme_json() -> str:
    shapes = [{"label": name, "points": points, "shape_type": "polygon"} for name, points in POINTS.items()]
    return json.dumps({"shapes": shapes, "imagePath": "a.jpg", "imageWidth": 80, "imageHeight": 60})


def dota() -> str:
    return "".join(f"{' '.join(f'{x} {y}' for x, y in points)} {name} 0\n" for name, points in POINTS.items())


def createml() -> str:
    middles = {name: {"x": x + w / 2, "y": y + h / 2, "width": w, "height": h} for name, (x, y, w, h) in BOXES.items()}
    annotations = [{"label": name, "coordinates": middle} for name, middle in middles.items()]
    return json.dumps([{"image": "a.jpg", "annotations": annotations}])


def vott() -> str:
    sides = {name: {"left": x, "top": y, "width": w, "height": h} for name, (x, y, w, h) in BOXES.items()}
    regions = [{"type": "RECTANGLE", "tags": [name], "boundingBox": box} for name, box in sides.items()]
    assets = {"a": {"asset": {"name": "a.jpg", "size": {"width": 80, "height": 60}}, "regions": regions}}
    return json.dumps({"tags": [{"name": name} for name in BOXES], "assets": assets})


def coco() -> str:
    return json.dumps(
        {
            "images": [{"id": 1, "file_name": "a.jpg", "width": 80, "height": 60}],
            "categories": [{"id": number, "name": name} for number, name in enumerate(BOXES)],
            "annotations": [
                {"image_id": 1, "category_id": number, "segmentation": [[value for point in points for value in point]]}
                for number, points in enumerate(POINTS.values())
            ],
        }
    )


def yolo() -> str:
    shares = {name: " ".join(f"{x / 80} {y / 60}" for x, y in points) for name, points in POINTS.items()}
    return "".join(f"{number} {points}\n" for number, points in enumerate(shares.values()))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("annotations.xml", cvat()),
        ("a.xml", labelme()),
        ("a.json", labelme_json()),
        ("labelTxt/a.txt", dota()),
        ("_annotations.createml.json", createml()),
        ("export.json", vott()),
        ("_annotations.coco.json", coco()),
        ("a.txt", yolo()),
    ],
)
def test_the_same_boxes_are_imported_from_each_format(
    import_folder: ImportFolder, tmp_path: Path, file: str, text: str
) -> None:
    folder = tmp_path / "source"
    (folder / file).parent.mkdir(parents=True)
    (folder / file).write_text(text)
    (folder / "a.jpg").write_bytes(shape_image(0, 1, SIZE))
    if file == "a.txt":
        (folder / "classes.txt").write_text("cat\ndog\n")
    imported = import_folder(TASK, folder)
    assert imported.problems == []
    (found,) = kept(imported).values()
    assert dict(found) == {name: pytest.approx(box) for name, box in BOXES.items()}


def test_masks_of_classes_are_refused_by_what_they_are(import_folder: ImportFolder, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    for name in ("images/a.png", "masks/a.png"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(shape_image(0, 1, SIZE))
    with pytest.raises(
        Invalid, match="This looks like pairs of image and mask; Object detection takes COCO, "
    ) as caught:
        import_folder(TASK, folder)
    assert caught.value.code == "format_not_taken"
