"""Boxes follow their images through decoding and augmentation; what leaves the image leaves the target."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from shared.schemas.dataset import ImageRecord
from shared.schemas.experiment import AugmentationStep
from shared.taskkit.augmentations import HORIZONTAL_FLIP, OBJECT_CROP, PHOTOMETRIC_DISTORTION, ROTATION, ZOOM_OUT

pytestmark = pytest.mark.slow
SIZE = (800, 400)
INSIDE = [200.0, 100.0, 600.0, 300.0]


@pytest.fixture
def record() -> ImageRecord:
    values = {"id": "0" * 16, "filename": "a.jpg", "bytes": 1, "format": "JPEG", "sha256": "0" * 64}
    return ImageRecord(width=SIZE[0], height=SIZE[1], imported_at=datetime.now(UTC), **values)


def dataset_of(folder: Path, record: ImageRecord, boxes: list[list[float]], steps: list[AugmentationStep]):
    import torch
    from torchvision import tv_tensors

    from shared.vision.data import ImageDataset

    image = Image.new("RGB", SIZE, "black")
    image.paste("white", [int(value) for value in INSIDE])
    image.save(folder / "a.jpg", quality=95)

    def encode(_: ImageRecord) -> dict:
        coordinates = torch.tensor(boxes).reshape(-1, 4)
        found = tv_tensors.BoundingBoxes(coordinates, format="XYXY", canvas_size=SIZE[::-1])
        return {"boxes": found, "labels": torch.arange(len(boxes))}

    return ImageDataset([record], lambda _: folder / "a.jpg", encode, steps, 64, seed=1)


def sample(dataset, epoch: int = 0):
    from shared.vision.data import SampleKey

    return dataset[SampleKey(epoch, 0)]


def bright(image) -> list[int]:
    """Return the box around the bright pixels."""
    ys, xs = (image.mean(0) > 1).nonzero().T
    return [int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1]


def test_boxes_follow_an_image_that_was_decoded_small(tmp_path, record):
    found = sample(dataset_of(tmp_path, record, [INSIDE], []))
    assert found.target["boxes"].tolist() == [[16.0, 16.0, 48.0, 48.0]]
    assert bright(found.image) == pytest.approx([16, 16, 48, 48], abs=1)


@pytest.mark.parametrize("step", [HORIZONTAL_FLIP.step(p=1), ZOOM_OUT.step(p=1), OBJECT_CROP.step(p=1)])
def test_boxes_move_with_their_objects(step, tmp_path, record):
    dataset = dataset_of(tmp_path, record, [INSIDE], [step])
    for epoch in range(8):
        found = sample(dataset, epoch)
        assert found.target["boxes"][0].tolist() == pytest.approx(bright(found.image), abs=2)


def test_objects_that_vanish_leave_with_their_labels_and_are_counted(tmp_path, record):
    corners = [[0.0, 0.0, 20.0, 20.0], INSIDE, [780.0, 380.0, 800.0, 400.0]]
    dataset = dataset_of(tmp_path, record, corners, [OBJECT_CROP.step(p=1, min_side=0.5)])
    seen = [sample(dataset, epoch) for epoch in range(12)]
    assert any(item.vanished for item in seen)
    for item in seen:
        assert len(item.target["boxes"]) == len(item.target["labels"]) == 3 - item.vanished
        assert (item.target["boxes"] >= 0).all()
        assert (item.target["boxes"] <= 64).all()


def test_an_image_without_objects_goes_through_every_step(tmp_path, record):
    steps = [item.step() for item in (OBJECT_CROP, ZOOM_OUT, PHOTOMETRIC_DISTORTION, ROTATION, HORIZONTAL_FLIP)]
    dataset = dataset_of(tmp_path, record, [], steps)
    for epoch in range(5):
        found = sample(dataset, epoch)
        assert found.image.shape == (3, 64, 64)
        assert (len(found.target["boxes"]), found.vanished) == (0, 0)
