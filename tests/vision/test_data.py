from pathlib import Path

import pytest

from shared.taskkit.augmentations import COLOR_JITTER, HORIZONTAL_FLIP, RANDOM_CROP, ROTATION, VERTICAL_FLIP
from tests.support.generated import record_of, shape_image

pytestmark = pytest.mark.slow
STEPS = [step.step() for step in (RANDOM_CROP, HORIZONTAL_FLIP, VERTICAL_FLIP, ROTATION, COLOR_JITTER)]


@pytest.fixture
def dataset(tmp_path: Path):
    from shared.vision.data import ImageDataset

    datas = [shape_image(kind, 0) for kind in range(4)]
    records = [record_of(data, f"{number}.jpg", []) for number, data in enumerate(datas)]
    for record, data in zip(records, datas, strict=True):
        (tmp_path / record.id).write_bytes(data)
    return ImageDataset(records, lambda record: tmp_path / record.id, lambda record: record.filename, STEPS, 64, 7)


def test_augmentation_follows_from_seed_epoch_and_index_only(dataset):
    import torch

    from shared.vision.data import SampleKey

    torch.manual_seed(1)
    first, target, _ = dataset[SampleKey(3, 2)]
    assert (first.shape, first.dtype, target) == ((3, 64, 64), torch.float32, "2.jpg")
    torch.manual_seed(2)
    before = torch.get_rng_state()
    again, *_ = dataset[SampleKey(3, 2)]
    assert torch.equal(first, again)
    assert torch.equal(before, torch.get_rng_state())
    assert not torch.equal(first, dataset[SampleKey(4, 2)][0])


def test_an_epoch_shows_every_image_once_in_an_order_of_its_own():
    from shared.vision.data import EpochBatches

    epochs = [[key.index for batch in EpochBatches(20, 8, 5, epoch) for key in batch] for epoch in (0, 1, 0)]
    assert sorted(epochs[0]) == list(range(20))
    assert epochs[0] == epochs[2]
    assert epochs[0] != epochs[1]


def test_batches_from_a_position_are_the_rest_of_the_epoch():
    from shared.vision.data import EpochBatches

    assert list(EpochBatches(20, 4, 5, 1, start=3)) == list(EpochBatches(20, 4, 5, 1))[3:]
    assert len(EpochBatches(20, 4, 5, 1, start=3)) == 2


@pytest.mark.parametrize(
    ("count", "size", "batches"), [(8, 4, 2), (9, 4, 2), (10, 4, 3), (1, 4, 0), (0, 4, 0), (3, 1, 3)]
)
def test_a_last_batch_of_one_image_is_left_out(count, size, batches):
    from shared.vision.data import EpochBatches, batches_in_epoch

    assert batches_in_epoch(count, size) == batches == len(list(EpochBatches(count, size, 0, 0)))


def test_crops_are_never_enlarged():
    from shared.vision.augment import decoded_side

    assert decoded_side((), 64) == 64
    assert decoded_side([RANDOM_CROP.step(min_scale=0.25)], 64) == 128
    assert decoded_side([RANDOM_CROP.step(min_scale=0.25).model_copy(update={"enabled": False})], 64) == 64
