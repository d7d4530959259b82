"""What the previewer shows of every task's images."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from shared.errors import NotFound
from shared.schemas.experiment import AugmentationStep
from shared.settings import get_settings
from shared.taskkit import registry
from shared.taskkit.augmentations import HORIZONTAL_FLIP, ROTATION
from tests.support.generated import World

pytestmark = pytest.mark.slow
SIZE = 96


@pytest.fixture(params=registry.specs(), ids=lambda spec: spec.id)
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("AI_STUDIO_WORKSPACE", str(tmp_path / "workspace"))
    get_settings.cache_clear()
    yield World(tmp_path / "workspace", request.param.id, per_class=3)
    get_settings.cache_clear()


def shown(world: World, *steps: AugmentationStep, **changes: Any) -> list[dict[str, Any]]:
    from services.previewer.augmentation import preview

    records = list(world.workspace.dataset(world.project.id).records())
    question = {
        "project_id": world.project.id,
        "revision": world.split.dataset_revision,
        "image_ids": [record.id for record in records[:3]],
        "augmentations": [step.model_dump(mode="json") for step in steps],
        "image_size": SIZE,
        "seed": 1,
        "results": 2,
    }
    found: list[dict[str, Any]] = preview({**question, **changes})["images"]
    return found


def decoded(picture: str) -> Image.Image:
    head, _, data = picture.partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_images_are_shown_as_they_are_and_augmented(world: World) -> None:
    found = shown(world, HORIZONTAL_FLIP.step(p=1))
    assert len(found) == 3
    for image in found:
        assert image["problem"] is None
        assert len(image["results"]) == 2
        pictures = [decoded(item["picture"]) for item in (image["original"], *image["results"])]
        assert {picture.size for picture in pictures} == {(SIZE, SIZE)}
        before, after = (
            [shape["points"] for shape in item["shapes"]] for item in (image["original"], image["results"][0])
        )
        assert len(before) == len(after) > 0
        for old, new in zip(before, after, strict=True):
            mirrored = [[SIZE - x, y] for x, y in reversed(old)]
            assert [x for x, _ in new] == pytest.approx([x for x, _ in mirrored], abs=0.01)


def test_the_same_question_has_the_same_answer(world: World) -> None:
    steps = [step.step() for step in registry.spec(world.task).transforms if step.name != "random_resized_crop"]
    chosen = [step for step in steps if step.name not in ("zoom_out", "iou_crop", "trivial_augment_wide")]
    first = shown(world, *chosen)
    assert first == shown(world, *chosen)
    assert first != shown(world, *chosen, seed=2)
    assert first[0]["results"][0] != first[0]["results"][1]


def test_images_differ_in_what_is_done_to_them(world: World) -> None:
    one = shown(world, ROTATION.step(degrees=90))
    same = shown(world, ROTATION.step(degrees=90), image_ids=[one[1]["image_id"]])
    assert one[1]["original"] == same[0]["original"]
    assert one[1]["results"] != same[0]["results"], "each place in the list is a draw of its own"


def test_an_image_that_cannot_be_read_is_told_and_the_others_are_shown(world: World) -> None:
    dataset = world.workspace.dataset(world.project.id)
    broken = next(dataset.records())
    dataset.image_path(broken).write_bytes(b"no picture")
    first, *others = shown(world)
    assert (first["filename"], first["original"]) == (broken.filename, None)
    assert "cannot be read" in first["problem"]
    assert all(image["original"] for image in others)


def test_large_inputs_are_shown_smaller(world: World) -> None:
    found = shown(world, image_size=1024, results=1)
    assert decoded(found[0]["original"]["picture"]).size == (512, 512)
    for shape in found[0]["original"]["shapes"]:
        for point in shape["points"]:
            assert max(point) <= 1024


def test_what_is_gone_is_told(world: World) -> None:
    with pytest.raises(NotFound):
        shown(world, image_ids=["0" * 16])
    with pytest.raises(NotFound):
        shown(world, revision=7)
