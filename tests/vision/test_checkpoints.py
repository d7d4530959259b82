import hashlib
import random
from pathlib import Path

import pytest

from shared.errors import DiskFull, StudioError
from shared.store.files import disk_errors

pytestmark = pytest.mark.slow


def test_a_full_disk_is_said():
    import torch

    from shared.vision import checkpoints

    with pytest.raises(DiskFull), disk_errors():
        checkpoints.write({"weights": torch.zeros(100_000)}, Path("/dev/full"))


def test_random_states_go_through_a_file(tmp_path: Path):
    import numpy as np
    import torch

    from shared.vision import checkpoints

    def draw() -> list[float]:
        return [random.random(), random.gauss(0, 1), float(np.random.rand()), float(torch.rand(()))]

    random.gauss(0, 1)
    checkpoints.write({"format": 1, "random": checkpoints.random_states()}, tmp_path / "last.ckpt")
    expected = draw()
    checkpoints.set_random_states(checkpoints.load(tmp_path / "last.ckpt")["random"])
    assert draw() == expected


def test_a_file_with_another_hash_is_not_loaded(tmp_path: Path):
    from shared.vision import checkpoints

    path = tmp_path / "last.ckpt"
    checkpoints.write({"format": 1}, path)
    assert checkpoints.load(path, hashlib.sha256(path.read_bytes()).hexdigest()) == {"format": 1}
    with pytest.raises(StudioError) as caught:
        checkpoints.load(path, "0" * 64)
    assert caught.value.code == "checkpoint_damaged"


def test_objects_are_never_unpickled(tmp_path: Path):
    import torch

    from shared.vision import checkpoints

    torch.save({"format": 1, "surprise": Path("x")}, tmp_path / "foreign.ckpt")
    with pytest.raises(StudioError) as caught:
        checkpoints.load(tmp_path / "foreign.ckpt")
    assert caught.value.code == "checkpoint_damaged"
