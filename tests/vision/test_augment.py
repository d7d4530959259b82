"""Every transform at the ends of its ranges: inputs stay inputs, boxes stay boxes of the same objects."""

from itertools import pairwise

import pytest

from shared.taskkit.augmentations import FLAT, MOVING, OBJECT_CROP, RANDOM_ERASING, TRANSFORMS

pytestmark = pytest.mark.slow
SIZE = 64
SIDES = [(96, 128), (32, 32), (8, 90), (2, 3), (1, 1)]


def extremes(spec):
    names = [param.name for param in spec.params]
    yield spec.step()
    yield spec.step(**{param.name: param.minimum for param in spec.params} | ({"p": 1.0} if "p" in names else {}))
    yield spec.step(**{param.name: param.maximum for param in spec.params})


def sample(height: int, width: int):
    """Return an image with a coloured square in each of three corners, with the box around each."""
    import torch
    from torchvision import tv_tensors

    image = torch.full((3, height, width), 30, dtype=torch.uint8)
    tall, wide = max(1, height // 4), max(1, width // 4)
    corners = [(0, 0), (width - wide, 0), (0, height - tall)]
    for channel, (x, y) in enumerate(corners):
        image[channel, y : y + tall, x : x + wide] = 250
    boxes = torch.tensor([[x, y, x + wide, y + tall] for x, y in corners], dtype=torch.float32)
    found = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=(height, width))
    return tv_tensors.Image(image), {"boxes": found, "labels": torch.arange(3)}


@pytest.mark.parametrize("spec", TRANSFORMS, ids=lambda spec: spec.name)
@pytest.mark.parametrize("sides", SIDES, ids=str)
def test_any_image_gives_an_input(spec, sides):
    import torch

    from shared.vision.augment import make_transform

    torch.manual_seed(3)
    image, _ = sample(*sides)
    for step in extremes(spec):
        transform = make_transform([step], SIZE)
        for _ in range(3):
            found, target = transform(image, "7")
            assert (found.shape, found.dtype, target) == ((3, SIZE, SIZE), torch.float32, "7")
            assert torch.isfinite(found).all()


@pytest.mark.parametrize("spec", FLAT, ids=lambda spec: spec.name)
def test_boxes_stay_where_nothing_moves(spec):
    from shared.vision.augment import make_transform

    image, target = sample(SIZE, SIZE)
    for step in extremes(spec):
        _, found = make_transform([step], SIZE)(image, target)
        assert found["boxes"].tolist() == target["boxes"].tolist()
        assert found["labels"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("spec", [*MOVING, OBJECT_CROP], ids=lambda spec: spec.name)
def test_a_box_holds_its_own_object_after_every_move(spec):
    import torch

    from shared.vision.augment import make_transform

    torch.manual_seed(5)
    image, target = sample(256, 256)
    moved = 0
    for step in extremes(spec):
        transform = make_transform([step], 128)
        for _ in range(6):
            found, after = transform(image, target)
            for label, (left, top, right, bottom) in zip(
                after["labels"].tolist(), after["boxes"].tolist(), strict=True
            ):
                assert 0 <= left < right <= 128
                assert 0 <= top < bottom <= 128
                others = [channel for channel in range(3) if channel != label]
                own = (found[label] > 1) & (found[others] < 0).all(0)
                if own.sum() < 8:
                    continue  # a sliver, blended with its surroundings
                ys, xs = own.nonzero().T
                assert left - 2 <= xs.min() <= xs.max() <= right + 2
                assert top - 2 <= ys.min() <= ys.max() <= bottom + 2
                moved += 1
    assert moved > 10


def test_what_has_left_the_image_stays_out_of_it():
    """A box squeezed to a line at the border is not made a box again by a turn."""
    import torch

    from shared.taskkit.augmentations import AFFINE, ROTATION
    from shared.vision.augment import make_transform

    image, target = sample(128, 128)
    steps = [AFFINE.step(min_scale=4, max_scale=4, translate=0), ROTATION.step(degrees=45)]
    for seed in range(5):
        torch.manual_seed(seed)
        found, after = make_transform(steps, SIZE)(image, target)
        assert len(after["boxes"]) == 0
        assert found.max() < 1


def test_random_erasing_covers_with_the_mean():
    import torch

    from shared.vision.augment import make_transform

    torch.manual_seed(1)
    image, target = sample(SIZE, SIZE)
    found, _ = make_transform([RANDOM_ERASING.step(p=1, min_area=0.3, max_area=0.5)], SIZE)(image, target)
    assert 0.25 < (found == 0).all(0).float().mean() < 0.55


def test_the_order_of_steps_is_the_order_in_which_they_work():
    import torch

    from shared.taskkit.augmentations import POSTERIZE, SOLARIZE
    from shared.vision.augment import make_transform

    image, target = sample(SIZE, SIZE)
    steps = [POSTERIZE.step(p=1, bits=1), SOLARIZE.step(p=1, threshold=0.1)]
    outcomes = [make_transform(order, SIZE)(image, target)[0] for order in (steps, steps[::-1])]
    assert all(not torch.equal(first, second) for first, second in pairwise(outcomes))


def test_a_configuration_older_than_a_parameter_goes_on_working():
    import torch

    from shared.schemas.experiment import AugmentationStep
    from shared.vision.augment import make_transform

    old = AugmentationStep(name="color_jitter", params={"brightness": 0.2, "contrast": 0.2, "saturation": 0.2})
    found, _ = make_transform([old], SIZE)(*sample(SIZE, SIZE))
    assert torch.isfinite(found).all()
