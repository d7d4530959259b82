"""A preview says what an import would do, and the import then does exactly that."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.importer.run import work
from shared.bus.run import Run
from shared.errors import Conflict, Invalid
from shared.schemas.annotations import BoxAnnotation
from shared.schemas.import_plan import ImportPlan, PreviewReport
from shared.schemas.project import Project
from shared.store.imports import read_problems
from shared.store.workspace import Workspace
from tests.support.generated import shape_image

Claimed = Callable[..., Run]


def preview(run: Run) -> PreviewReport:
    return PreviewReport.model_validate(work(run))


def planned(claimed: Claimed, path: Path, report: PreviewReport, **plan: Any) -> dict[str, Any]:
    """Import what was previewed, the plan changed in some ways."""
    whole = report.plan.model_dump() | plan
    options = {"format_id": whole["format"], "plan": whole, "fingerprint": report.fingerprint}
    return work(claimed(path, **options))


@pytest.fixture
def yolo(tmp_path: Path) -> Path:
    """Images of 80 x 60 with boxes: good ones, and one of every kind of trouble."""
    root = tmp_path / "boxes"
    lines = {
        "good": "0 0.5 0.5 0.2 0.2\n1 0.3 0.3 0.2 0.2\n",
        "out": "0 0.5 0.5 0.2 0.2\n0 0.95 0.5 0.3 0.2\n",
        "empty": "0 0.5 0.5 0 0.2\n",
        "unknown": "7 0.5 0.5 0.2 0.2\n1 0.5 0.5 0.2 0.2\n",
        "broken": "0 0.5 0.5 0.2 0.2\n",
    }
    for number, (name, text) in enumerate(lines.items()):
        for folder, suffix, data in (("images", "jpg", shape_image(0, number)), ("labels", "txt", text.encode())):
            place = root / folder / "train" / f"{name}.{suffix}"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
    (root / "images/train/broken.jpg").write_bytes(b"no picture")
    (root / "images/train/bare.jpg").write_bytes(shape_image(0, 50))
    (root / "images/train/twin.jpg").write_bytes(shape_image(0, 0))
    (root / "data.yaml").write_text("names: [cat, dog]\n")
    return root


def test_a_preview_tells_all_and_keeps_nothing(
    claimed: Claimed, workspace: Workspace, boxes: Project, yolo: Path
) -> None:
    run = claimed(yolo, preview=True)
    report = preview(run)
    assert report.plan.format == "yolo"
    assert "YOLO" in report.layout
    # Without the broken one and the twin; without the empty box and the one of no class.
    assert (report.images, report.annotations, report.duplicates) == (5, 5, 1)
    assert [(item.name, item.annotations, item.images) for item in report.classes] == [("cat", 5, 4), ("dog", 2, 2)]
    assert report.subsets == {"train": 5}
    kinds = {kind.code: kind for kind in report.kinds}
    assert kinds["box_outside_image"].actions == ["clip", "drop", "drop_image"]
    assert kinds["box_without_area"].actions == ["drop", "drop_image"]
    assert kinds["image_without_labels"].actions == ["keep", "drop_image"]
    assert kinds["duplicate_image"].actions == ["skip"]
    assert kinds["unknown_class"].actions == []
    assert [kind.severity for kind in report.kinds] == sorted(kind.severity for kind in report.kinds)
    out = next(item for item in report.problems if item.code == "box_outside_image")
    assert (out.file, out.line) == ("labels/train/out.txt", 2)
    assert out.mend
    assert not workspace.dataset(boxes.id).folder.exists()
    folder = workspace.jobs.folder(run.job.id)
    assert len(list(read_problems(folder / "problems.jsonl"))) == report.problem_count
    assert len(report.samples) == len(list((folder / "samples").glob("*.jpg"))) == 5
    assert {shape["label"] for item in report.samples for shape in item.shapes} == {"cat", "dog"}


def test_the_proposed_plan_does_what_a_plain_import_does(
    claimed: Claimed, workspace: Workspace, boxes: Project, yolo: Path
) -> None:
    report = preview(claimed(yolo, preview=True))
    result = planned(claimed, yolo, report)
    assert (result["added"], result["problems"]) == (report.images, report.problem_count)
    head = workspace.dataset(boxes.id).head()
    assert head.annotation_count == report.annotations
    assert [item.name for item in head.classes] == ["cat", "dog"]


@pytest.mark.parametrize(
    ("action", "boxes_of_out"),
    [("clip", [(32.0, 24.0, 16.0, 12.0), (64.0, 24.0, 16.0, 12.0)]), ("drop", 1), ("drop_image", None)],
)
def test_a_box_that_reaches_out_is_mended_as_planned(
    claimed: Claimed, workspace: Workspace, boxes: Project, yolo: Path, action: str, boxes_of_out: Any
) -> None:
    report = preview(claimed(yolo, preview=True))
    result = planned(claimed, yolo, report, mends={"box_outside_image": action})
    found = {item.filename: item.annotations for item in workspace.dataset(boxes.id).records()}.get("out.jpg")
    if isinstance(boxes_of_out, list):
        assert found is not None
        bounds = [item.bbox for item in found if isinstance(item, BoxAnnotation)]
        assert [pytest.approx(item) for item in boxes_of_out] == bounds
    else:
        assert (found and len(found)) == boxes_of_out
    assert result["added"] == (4 if action == "drop_image" else 5)
    stored = list((workspace.dataset(boxes.id).folder / "images").rglob("*.jpeg"))
    assert len(stored) == result["added"], "an image that is left out takes no room"
    told = " ".join(item.message for item in workspace.dataset(boxes.id).imports.problems(_newest(workspace)))
    assert ("as planned" in told) == (action != "clip"), "what a plan drops is listed"


def test_an_image_that_keeps_a_box_is_not_one_that_lost_all(
    claimed: Claimed, workspace: Workspace, boxes: Project, yolo: Path
) -> None:
    (yolo / "labels/train/out.txt").write_text("0 0.5 0.5 0.2 0.2\n0 0.95 0.5 0.3 0.2\n0 0.5 0.5 0 0.2\n")
    report = preview(claimed(yolo, preview=True))
    planned(claimed, yolo, report, mends={"box_outside_image": "drop", "no_box_left": "drop_image"})
    found = {item.filename: len(item.annotations) for item in workspace.dataset(boxes.id).records()}
    assert found["out.jpg"] == 1
    assert "empty.jpg" not in found, "its only box has no area"


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 500])
def test_a_class_cannot_become_what_is_no_name(name: str) -> None:
    with pytest.raises(ValidationError):
        ImportPlan(format="yolo", class_map={"cat": name})


def test_an_image_without_labels_is_left_out_as_planned(
    claimed: Claimed, workspace: Workspace, boxes: Project, yolo: Path
) -> None:
    report = preview(claimed(yolo, preview=True))
    planned(claimed, yolo, report, mends={"image_without_labels": "drop_image"})
    assert "bare.jpg" not in {item.filename for item in workspace.dataset(boxes.id).records()}


def test_classes_are_renamed_merged_and_left_out_as_planned(
    claimed: Claimed, workspace: Workspace, boxes: Project, yolo: Path
) -> None:
    report = preview(claimed(yolo, preview=True))
    planned(claimed, yolo, report, class_map={"cat": "animal", "dog": None})
    head = workspace.dataset(boxes.id).head()
    assert [item.name for item in head.classes] == ["animal"]
    assert head.annotation_count == 3
    left_out = [item for item in head.last_import.problems if item.code == "class_left_out"]  # type: ignore[union-attr]
    assert "'dog'" in left_out[0].message
    assert "2" in left_out[0].message


def test_images_go_with_their_class_when_it_is_their_own(
    claimed: Claimed, workspace: Workspace, project: Project, tmp_path: Path
) -> None:
    for number, name in enumerate(["cat", "dog", "bin"]):
        (tmp_path / "c" / name).mkdir(parents=True)
        (tmp_path / "c" / name / "1.jpg").write_bytes(shape_image(0, number))
    report = preview(claimed(tmp_path / "c", preview=True))
    result = planned(claimed, tmp_path / "c", report, class_map={"bin": None, "dog": "cat"})
    head = workspace.dataset(project.id).head()
    assert (result["added"], [item.name for item in head.classes]) == (2, ["cat"])


def test_classes_that_differ_in_case_are_proposed_as_one(
    claimed: Claimed, workspace: Workspace, project: Project, tmp_path: Path
) -> None:
    for number, name in enumerate(["Cat", "cat", "cat"]):
        (tmp_path / "c" / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "c" / name / f"{number}.jpg").write_bytes(shape_image(0, number))
    with pytest.raises(Invalid) as caught:
        work(claimed(tmp_path / "c"))
    assert caught.value.code == "classes_differ_in_case"
    assert "'Cat' (1 times)" in caught.value.message
    report = preview(claimed(tmp_path / "c", preview=True))
    assert report.plan.class_map == {"Cat": "cat"}
    assert [kind.code for kind in report.kinds] == ["classes_differ_in_case"]
    planned(claimed, tmp_path / "c", report)
    assert [item.name for item in workspace.dataset(project.id).head().classes] == ["cat"]


@pytest.mark.parametrize("change", ["new", "other", "gone"])
def test_a_source_that_changed_since_the_preview_is_refused(
    claimed: Claimed, workspace: Workspace, boxes: Project, yolo: Path, change: str
) -> None:
    report = preview(claimed(yolo, preview=True))
    if change == "gone":
        (yolo / "labels/train/good.txt").unlink()
    else:
        (yolo / "labels/train" / ("new.txt" if change == "new" else "good.txt")).write_text("0 0.5 0.5 0.25 0.2\n")
    with pytest.raises(Conflict) as caught:
        planned(claimed, yolo, report)
    assert caught.value.code == "source_changed"
    assert not workspace.dataset(boxes.id).exists()


def test_what_the_dataset_has_already_is_known_to_a_preview(
    claimed: Claimed, workspace: Workspace, boxes: Project, yolo: Path
) -> None:
    work(claimed(yolo))
    report = preview(claimed(yolo, preview=True))
    assert (report.images, report.known, report.duplicates) == (0, 6, 0)
    assert {kind.code for kind in report.kinds} >= {"known_image"}
    assert "known_image_other_annotations" not in {kind.code for kind in report.kinds}
    lines = (yolo / "labels/train/good.txt").read_text().split("\n")
    (yolo / "labels/train/good.txt").write_text("\n".join(reversed(lines)))
    (yolo / "labels/train/out.txt").write_text("1 0.5 0.5 0.2 0.2\n")
    changed = [item.file for item in preview(claimed(yolo, preview=True)).problems if "other_ann" in item.code]
    assert changed == ["images/train/out.jpg"], "the order of the boxes does not count"
    assert [item.known for item in report.classes] == [True, True]
    assert preview(claimed(yolo, mode="replace", preview=True)).images == 5


def test_samples_are_spread_over_all_images(claimed: Claimed, project: Project, tmp_path: Path) -> None:
    for number in range(60):
        place = tmp_path / "many" / f"class-{number // 15}" / f"{number:02}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(shape_image(number % 4, number))
    report = preview(claimed(tmp_path / "many", preview=True))
    assert len(report.samples) == 20
    assert {item.file.split("/")[0] for item in report.samples} == {f"class-{number}" for number in range(4)}


@pytest.mark.parametrize("bad", [range(1), range(24, 30), range(5, 15), range(0, 30, 3), range(0, 30, 2)])
def test_twenty_samples_are_shown_where_twenty_are_good(
    claimed: Claimed, project: Project, tmp_path: Path, bad: range
) -> None:
    place = tmp_path / "many" / "thing"
    place.mkdir(parents=True)
    for number in range(30):
        (place / f"{number:02}.jpg").write_bytes(b"no picture" if number in bad else shape_image(0, number))
    files = [item.file for item in preview(claimed(tmp_path / "many", preview=True)).samples]
    assert len(files) == min(20, 30 - len(bad))
    assert files == sorted(set(files))


def _newest(workspace: Workspace) -> str:
    return workspace.jobs.list()[0].id
