from pathlib import Path

from PIL import Image

from scripts.demo import batch_size
from scripts.generate import SHAPES, generate


def test_the_same_call_writes_the_same_images(tmp_path: Path):
    one, two = (generate(tmp_path / name, per_class=2) for name in ("one", "two"))
    images = sorted(path.relative_to(one) for path in one.rglob("*.jpg"))
    assert len(images) == 2 * len(SHAPES)
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in images)


def test_images_can_be_read_and_differ(tmp_path: Path):
    folder = generate(tmp_path, per_class=3)
    images = list(folder.rglob("*.jpg"))
    for path in images:
        with Image.open(path) as image:
            assert image.size == (128, 128)
    assert len({path.read_bytes() for path in images}) == len(images)


def test_the_demo_takes_many_steps_over_few_images_and_few_over_many():
    assert (batch_size(320, 3), batch_size(2000, 3), batch_size(100_000, 3)) == (8, 16, 32)
