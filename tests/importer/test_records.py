import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from shared.schemas.project import Project
from shared.store.workspace import Workspace
from shared.taskkit.images import inspect
from tests.support.generated import shape_image


def test_a_record_keeps_brightness_and_hash_of_its_image(
    do_import: Callable[..., dict[str, Any]], workspace: Workspace, project: Project, tmp_path: Path
) -> None:
    place = tmp_path / "things" / "class-0"
    place.mkdir(parents=True)
    data = shape_image(0, 1)
    (place / "a.jpg").write_bytes(data)
    do_import(place.parent)
    (record,) = workspace.dataset(project.id).records()
    found = inspect(data, 1_000_000)
    assert (record.brightness, record.phash) == (found.brightness, found.phash)
    assert 20 < found.brightness < 200


def test_what_was_done_to_an_image_is_a_warning_that_names_it(
    do_import: Callable[..., dict[str, Any]], workspace: Workspace, project: Project, tmp_path: Path
) -> None:
    place = tmp_path / "things" / "class-0"
    place.mkdir(parents=True)
    (place / "a.jpg").write_bytes(shape_image(0, 1))
    Image.fromarray(np.full((30, 30), 60_000, np.uint16)).save(place / "deep.png")
    result = do_import(place.parent)
    assert (result["added"], result["skipped"], result["problems"]) == (2, 0, 1)
    report = workspace.dataset(project.id).head().last_import
    assert report is not None
    (problem,) = report.problems
    assert (problem.severity, problem.code, problem.file) == ("warning", "values_scaled", "class-0/deep.png")
    assert "16-bit" in problem.message
    assert problem.mend


def test_a_hint_of_the_error_is_the_mend_of_the_problem(
    do_import: Callable[..., dict[str, Any]], workspace: Workspace, project: Project, tmp_path: Path
) -> None:
    place = tmp_path / "things" / "class-0"
    place.mkdir(parents=True)
    (place / "a.jpg").write_bytes(shape_image(0, 1))
    (place / "b.png").write_bytes(shape_image(0, 1, image_format="GIF"))
    do_import(place.parent)
    report = workspace.dataset(project.id).head().last_import
    assert report is not None
    assert "PNG" in (report.problems[0].mend or "")
    assert report.problems[0].code == "unknown_image_format"


def test_files_of_an_unpacked_archive_become_the_images_and_files_of_a_folder_stay_apart(
    do_import: Callable[..., dict[str, Any]], workspace: Workspace, project: Project, tmp_path: Path
) -> None:
    place = tmp_path / "things" / "class-0"
    place.mkdir(parents=True)
    (place / "a.jpg").write_bytes(shape_image(0, 1))
    do_import(place.parent)
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.writestr("class-0/b.jpg", shape_image(0, 2))
        archive.writestr("class-0/again.jpg", shape_image(0, 2))
    do_import(tmp_path / "more.zip")
    (place / "a.jpg").write_bytes(b"changed later")
    (unpacked,) = workspace.root.rglob("unpacked")
    shutil.rmtree(unpacked)
    dataset = workspace.dataset(project.id)
    contents = [dataset.image_path(record).read_bytes() for record in dataset.records()]
    assert contents == [shape_image(0, 1), shape_image(0, 2)]


def test_an_unpacked_file_is_not_stored_twice(
    do_import: Callable[..., dict[str, Any]], workspace: Workspace, project: Project, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "things.zip", "w") as archive:
        archive.writestr("class-0/a.jpg", shape_image(0, 1))
    do_import(tmp_path / "things.zip")
    dataset = workspace.dataset(project.id)
    (record,) = dataset.records()
    (unpacked,) = workspace.root.rglob("unpacked")
    assert dataset.image_path(record).samefile(unpacked / "class-0" / "a.jpg")
