import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.importer.run import work
from shared.bus.run import Cancelled, Run
from shared.errors import DiskFull, Invalid
from shared.schemas.dataset import DatasetHead, Legend
from shared.schemas.project import Project
from shared.store import datasets as datasets_module
from shared.store.datasets import Draft
from shared.store.lifecycle import Claim, RequestCancel, Yield
from shared.store.workspace import Workspace
from tests.support.generated import shape_image

Import = Callable[..., dict[str, Any]]


def head(workspace: Workspace, project: Project) -> DatasetHead:
    return workspace.dataset(project.id).head()


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_images_thumbnails_records_and_classes(
    do_import: Import, workspace: Workspace, project: Project, folder: Path
) -> None:
    result = do_import(folder)
    assert (result["added"], result["classes"], result["skipped"]) == (6, 2, 0)
    dataset = workspace.dataset(project.id)
    records = list(dataset.records())
    assert [item.name for item in head(workspace, project).classes] == ["class-0", "class-1"]
    assert {(record.meta or {})["subset"] for record in records} == {"train", "test"}
    for record in records:
        assert record.source is not None
        assert dataset.image_path(record).read_bytes() == (folder / record.source).read_bytes()
        assert dataset.thumbnail_path(record.id).stat().st_size > 0
        assert record.annotations[0].class_id == int(record.source.split("/")[1][-1])  # type: ignore[union-attr]


def test_importing_the_same_again_adds_nothing_and_says_so(
    do_import: Import, workspace: Workspace, project: Project, folder: Path
) -> None:
    do_import(folder)
    result = do_import(folder)
    assert (result["added"], result["known"], result["duplicates"]) == (0, 6, 0)
    assert (head(workspace, project).image_count, head(workspace, project).revision) == (6, 1)
    report = head(workspace, project).last_import
    assert report is not None
    assert (report.known, {item.code for item in report.problems}) == (6, {"known_image"})


def test_new_classes_without_new_images_make_no_revision_and_are_listed(
    do_import: Import, workspace: Workspace, project: Project, folder: Path, tmp_path: Path
) -> None:
    do_import(folder)
    for number in range(2):
        place = tmp_path / "again" / f"new-{number}" / "a.jpg"
        place.parent.mkdir(parents=True)
        shutil.copy(folder / f"train/class-{number}/{number}.jpg", place)
    before = head(workspace, project)
    assert do_import(place.parents[1])["added"] == 0
    after = head(workspace, project)
    assert (after.revision, after.classes) == (before.revision, before.classes)
    told = [item.message for item in after.last_import.problems if item.code == "class_without_images"]  # type: ignore[union-attr]
    assert ["'new-0'" in told[0], "'new-1'" in told[1]] == [True, True]


def test_appending_keeps_class_ids_and_replacing_does_not_keep_images(
    do_import: Import, workspace: Workspace, project: Project, folder: Path, tmp_path: Path
) -> None:
    do_import(folder)
    more = tmp_path / "more" / "a-new-class"
    more.mkdir(parents=True)
    (more / "x.png").write_bytes(shape_image(3, 1, image_format="PNG"))
    do_import(more.parent)
    assert [(item.id, item.name) for item in head(workspace, project).classes] == [
        (0, "class-0"),
        (1, "class-1"),
        (2, "a-new-class"),
    ]
    do_import(more.parent, mode="replace")
    assert [item.name for item in head(workspace, project).classes] == ["a-new-class"]
    assert head(workspace, project).image_count == 1


def test_one_bad_file_never_spoils_the_rest_and_is_listed(
    do_import: Import, workspace: Workspace, project: Project, folder: Path
) -> None:
    place = folder / "train" / "class-0"
    (place / "text.jpg").write_text("not a picture")
    (place / "cut.jpg").write_bytes(shape_image(0, 99)[:400])
    (place / "empty.png").write_bytes(b"")
    (place / "huge.png").write_bytes(shape_image(0, 1, (1500, 1500), "PNG"))
    assert do_import(folder)["added"] == 6
    report = head(workspace, project).last_import
    assert report is not None
    found = {(Path(item.file or "").name, item.code) for item in report.problems}
    assert found == {
        ("text.jpg", "not_an_image"),
        ("cut.jpg", "damaged_image"),
        ("empty.png", "empty_file"),
        ("huge.png", "image_too_large"),
    }
    assert all(item.mend for item in report.problems)


def test_nothing_usable_is_an_error_and_leaves_no_dataset(
    do_import: Import, workspace: Workspace, project: Project, tmp_path: Path
) -> None:
    bad = tmp_path / "bad" / "class"
    bad.mkdir(parents=True)
    (bad / "a.jpg").write_text("no")
    with pytest.raises(Invalid) as caught:
        do_import(bad.parent)
    assert caught.value.code == "nothing_to_import"
    assert "a.jpg" in caught.value.message
    assert not workspace.dataset(project.id).exists()


def test_a_cancelled_import_leaves_the_dataset_as_it_was(
    claimed: Callable[..., Run], do_import: Import, workspace: Workspace, project: Project, folder: Path, tmp_path: Path
) -> None:
    do_import(folder)
    before = files_below(workspace.dataset(project.id).folder)
    more = tmp_path / "more" / "class-0"
    more.mkdir(parents=True)
    for number in range(100):
        (more / f"{number}.jpg").write_bytes(shape_image(0, 1000 + number))
    run = claimed(more.parent)
    workspace.jobs.apply(run.job.id, RequestCancel())
    with pytest.raises(Cancelled):
        work(run)
    assert files_below(workspace.dataset(project.id).folder) == before


def test_a_class_that_got_other_capitals_takes_files_with_the_old_ones(
    do_import: Import, workspace: Workspace, project: Project, folder: Path, tmp_path: Path
) -> None:
    do_import(folder)
    first, *others = head(workspace, project).classes
    renamed = Legend(classes=[first.model_copy(update={"name": "CLASS-0"}), *others])
    workspace.dataset(project.id).revise(lambda now: Draft(now.chunks, renamed, now.annotation_count), reason="renamed")
    more = tmp_path / "more"
    for number, name in enumerate([first.name, first.name.title()]):
        (more / name).mkdir(parents=True)
        (more / name / "x.jpg").write_bytes(shape_image(0, 500 + number))
    result = do_import(more)
    after = head(workspace, project)
    assert (result["added"], after.classes) == (2, renamed.classes)
    assert after.last_import is not None
    told = [item.message for item in after.last_import.problems if item.code == "classes_differ_in_case"]
    assert len(told) == 2
    assert all("'CLASS-0'" in message for message in told)


def test_many_equal_pictures_are_stored_once(
    do_import: Import, workspace: Workspace, project: Project, tmp_path: Path
) -> None:
    place = tmp_path / "same" / "class-0"
    place.mkdir(parents=True)
    data = shape_image(0, 1)
    for number in range(600):
        (place / f"{number:03}.jpg").write_bytes(data)
    result = do_import(place.parent)
    assert (result["added"], result["duplicates"], result["problems"]) == (1, 599, 599)
    report = head(workspace, project).last_import
    assert report is not None
    assert (len(report.problems), report.problem_count) == (500, 599)
    assert len(list(workspace.dataset(project.id).imports.problems(report.job_id))) == 599


def test_errors_are_shown_before_warnings(
    do_import: Import, workspace: Workspace, project: Project, folder: Path
) -> None:
    shutil.copy(folder / "train/class-0/0.jpg", folder / "train/class-0/00.jpg")
    (folder / "train/class-1/zzz.jpg").write_bytes(b"")
    do_import(folder)
    report = head(workspace, project).last_import
    assert report is not None
    assert [item.severity for item in report.problems] == ["error", "warning"]


def test_a_full_disk_in_the_middle_of_a_batch_leaves_no_images(
    claimed: Callable[..., Run], workspace: Workspace, project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = claimed(folder)

    def full(_: object) -> None:
        raise DiskFull("disk_full", "Full.")

    monkeypatch.setattr("services.importer.records.settle", full)
    with pytest.raises(DiskFull):
        work(run)
    assert {name for name in files_below(workspace.dataset(project.id).folder) if not name.endswith(".lock")} == set()


def test_a_run_that_lost_its_job_leaves_the_files_to_its_successor(
    claimed: Callable[..., Run], workspace: Workspace, project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = claimed(folder)

    def lose_the_job(_: object) -> None:
        workspace.jobs.apply(run.job.id, Yield(run.job.epoch))
        workspace.jobs.apply(run.job.id, Claim("another", 60))
        raise DiskFull("disk_full", "Full.")

    monkeypatch.setattr("services.importer.records.settle", lose_the_job)
    with pytest.raises(DiskFull):
        work(run)
    stored = files_below(workspace.dataset(project.id).folder)
    assert sum(name.startswith(("images/", "thumbs/")) for name in stored) == 12


def test_a_failure_after_the_commit_takes_no_image_away(
    claimed: Callable[..., Run], workspace: Workspace, project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = datasets_module.DatasetStore.commit

    def commit_and_fail(*args: Any, **options: Any) -> None:
        whole(*args, **options)
        raise RuntimeError("just afterwards")

    monkeypatch.setattr(datasets_module.DatasetStore, "commit", commit_and_fail)
    with pytest.raises(RuntimeError):
        work(claimed(folder))
    dataset = workspace.dataset(project.id)
    assert all(dataset.image_path(record).exists() for record in dataset.records())


def test_names_that_are_not_utf8_are_stored_as_text(
    do_import: Import, workspace: Workspace, project: Project, tmp_path: Path
) -> None:
    place = os.fsencode(tmp_path) + b"/odd/caf\xe9"
    os.makedirs(place)
    for name, data in ((b"\xff.jpg", shape_image(0, 1)), (b"\xfe.jpg", b"no picture"), (b"\xfd.txt", b"text")):
        Path(os.fsdecode(place + b"/" + name)).write_bytes(data)
    assert do_import(tmp_path / "odd")["added"] == 1
    assert [item.name for item in head(workspace, project).classes] == ["caf\ufffd"]
    record = next(workspace.dataset(project.id).records())
    assert (record.filename, record.source) == ("\ufffd.jpg", "caf\ufffd/\ufffd.jpg")


def test_the_number_of_a_class_that_is_gone_is_not_given_to_another(
    do_import: Import, workspace: Workspace, project: Project, folder: Path, tmp_path: Path
) -> None:
    do_import(folder)
    dataset = workspace.dataset(project.id)
    legend = Legend(classes=dataset.head().classes[:1])
    dataset.revise(lambda head: Draft(head.chunks, legend, head.annotation_count), reason="merged")
    more = tmp_path / "more" / "a-new-class"
    more.mkdir(parents=True)
    (more / "x.png").write_bytes(shape_image(3, 1, image_format="PNG"))
    do_import(more.parent)
    assert [(item.id, item.name) for item in dataset.head().classes] == [(0, "class-0"), (2, "a-new-class")]
