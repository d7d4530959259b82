"""The same two objects in tables as tools and people write them: each imports as the same two boxes."""

from pathlib import Path

import pytest

from tests.support.generated import shape_image
from tests.tasks.conftest import ImportFolder
from tests.tasks.object_detection.test_importing import kept

TASK = "object_detection"
BOXES = {"cat": (10, 20, 30, 25), "dog": (41, 5, 16, 50)}


def rows(form: str) -> str:
    numbers = {name: {"x": x, "y": y, "w": w, "h": h} for name, (x, y, w, h) in BOXES.items()}
    return "".join(
        form.format(name=name, r=box["x"] + box["w"], b=box["y"] + box["h"], **box) for name, box in numbers.items()
    )


def open_images() -> str:
    lines = [
        f'a,,{name},,"{x / 80}","{(x + w) / 80}","{y / 60}","{(y + h) / 60}",0\n'.replace(".", ",")
        for name, (x, y, w, h) in BOXES.items()
    ]
    return "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsGroupOf\n" + "".join(lines)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (
            "train.csv",
            "filename,width,height,class,xmin,ymin,xmax,ymax\n" + rows("a.jpg,80,60,{name},{x},{y},{r},{b}\n"),
        ),
        ("a-export.csv", '"image","xmin","ymin","xmax","ymax","label"\n' + rows('"a.jpg",{x},{y},{r},{b},"{name}"\n')),
        ("boxes.tsv", "image_id\tlabel\tx\ty\tw\th\n" + rows("a\t{name}\t{x}\t{y}\t{w}\t{h}\n")),
        ("annotations-bbox.csv", open_images()),
    ],
)
def test_tables_of_tools_import_as_the_same_boxes(import_folder: ImportFolder, tmp_path: Path, file: str, text: str):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(shape_image(0, 1, (80, 60)))
    (folder / file).write_text(text)
    imported = import_folder(TASK, folder)
    assert imported.problems == []
    (found,) = kept(imported).values()
    assert dict(found) == {name: pytest.approx(box) for name, box in BOXES.items()}
