import random

import numpy as np
import pytest

from shared.taskkit.formats.outlines import bounds, coco_outline, mask_outline, packed, unpacked
from shared.taskkit.formats.rows import Rle


def masks(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    found = [rng.random(rng.integers(1, 40, 2)) < rng.random() for _ in range(count)]
    return [*found, np.zeros((3, 4), bool), np.ones((5, 2), bool), np.eye(7, dtype=bool)]


def reference(mask: np.ndarray) -> tuple[str, list[float]]:
    from pycocotools import mask as pycoco

    encoded = pycoco.encode(np.asfortranarray(mask, dtype=np.uint8))
    return encoded["counts"].decode(), pycoco.toBbox(encoded).tolist()


def test_masks_are_written_and_bounded_as_by_pycocotools() -> None:
    for mask in masks(60):
        counts, box = reference(mask)
        rle = mask_outline(mask, 0, 0, mask.shape[1], mask.shape[0])
        assert rle == Rle(mask.shape, counts)
        assert list(bounds(rle) or (0, 0, 0, 0)) == box
        runs = unpacked(counts)
        assert runs is not None
        assert packed(runs) == counts
        by_numbers = coco_outline({"size": list(mask.shape), "counts": runs})
        assert by_numbers == coco_outline({"size": list(mask.shape), "counts": counts}) == rle


def test_a_mask_in_a_corner_of_its_image_is_where_it_was_put() -> None:
    for mask in masks(20):
        whole = np.zeros((60, 50), bool)
        whole[20 : 20 + mask.shape[0], 10 : 10 + mask.shape[1]] = mask
        assert mask_outline(mask, 10, 20, 50, 60) == Rle((60, 50), reference(whole)[0])
        assert mask_outline(mask, 50, 20, 50, 60) is None
        assert mask_outline(mask, -1, 20, 50, 60) is None


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        [],
        [[]],
        [[1, 2, 3, 4]],
        [[1, 2, 3, 4, 5, 6, 7]],
        [[1, 2, 3, 4, 5, "6"]],
        [[1, 2, 3, 4, 5, float("nan")]],
        [[1, 2, 3, 4, 5, 6], 7],
        [7, [1, 2, 3, 4, 5, 6]],
        {},
        {"size": [2, 2]},
        {"size": [2, 2], "counts": [1, 2]},
        {"size": [2, 2], "counts": [-1, 5]},
        {"size": [2, 2], "counts": [1.5, 2.5]},
        {"size": [2, 2], "counts": [4, "0"]},
        {"size": [2], "counts": [4]},
        {"size": ["2", 2], "counts": [4]},
        {"size": [10**9, 10**9], "counts": [10**18]},
        {"size": [2, 2], "counts": ""},
        {"size": [2, 2], "counts": "äö"},
        {"size": [2, 2], "counts": "T"},
        {"size": [2, 2], "counts": "TTTTTTTTTTTTTTTTT4"},
    ],
)
def test_what_is_no_outline_is_none(value: object) -> None:
    assert coco_outline(value) is None


def test_a_flat_list_is_one_polygon_and_empty_parts_are_none() -> None:
    outline = coco_outline([1, 2, 5, 2, 5, 4])
    assert not isinstance(outline, Rle)
    assert outline == coco_outline([[1, 2, 5, 2, 5, 4], []])
    assert bounds(outline or ()) == (1, 2, 4, 2)


def test_damaged_run_lengths_are_refused_or_whole() -> None:
    rng = random.Random(5)
    counts, _ = reference(np.eye(30, dtype=bool))
    for _ in range(2000):
        at = rng.randrange(len(counts))
        damaged = counts[:at] + rng.choice(["", chr(rng.randrange(0, 200))]) + counts[at + rng.randint(0, 3) :]
        outline = coco_outline({"size": [30, 30], "counts": damaged})
        assert outline is None or bounds(outline) is None or min(bounds(outline) or ()) >= 0
