"""A want of memory says what to make smaller, and offers it."""

from pathlib import Path
from typing import Any

import pytest

from shared.errors import StudioError
from shared.schemas.job import JobError
from shared.taskkit import registry
from shared.taskkit.relief import filled, memory_offer
from tests.support.generated import World
from tests.trainer.test_training import TASK, train

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "workspace", TASK)


def failing(world: World, monkeypatch: pytest.MonkeyPatch, error: BaseException, **params: Any) -> StudioError:
    """Train with a model whose first step raises `error`."""
    experiment = world.experiment(**params)

    def raising(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(type(registry.runtime(TASK)), "training_loss", raising)
    with pytest.raises(StudioError) as caught:
        train(world.training(experiment))
    return caught.value


def test_out_of_memory_offers_half_the_batch(world: World, monkeypatch: pytest.MonkeyPatch):
    error = failing(world, monkeypatch, MemoryError(), batch_size=8)
    assert (error.code, (error.offer or {})["params"]["batch_size"]) == ("out_of_memory", 4)
    assert "batch size 4 instead of 8" in (error.hint or "")
    assert "image size 32 px instead of 64 px" in (error.hint or "")


def test_the_smallest_batch_is_offered_a_smaller_image(world: World, monkeypatch: pytest.MonkeyPatch):
    import torch

    error = failing(world, monkeypatch, torch.OutOfMemoryError("CUDA out of memory. Tried ..."), batch_size=2)
    assert error.message.startswith("The GPU ran out of memory")
    assert (error.offer or {})["params"] == {"image_size": 32}


def test_what_the_allocator_of_the_processor_says_is_understood(world: World, monkeypatch: pytest.MonkeyPatch):
    said = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
    assert failing(world, monkeypatch, said).code == "out_of_memory"


def test_a_loader_without_shared_memory_is_offered_to_do_without(world: World, monkeypatch: pytest.MonkeyPatch):
    said = RuntimeError(
        "DataLoader worker (pid 9) is killed by signal: Bus error. It is possible that shared memory ..."
    )
    error = failing(world, monkeypatch, said)
    assert (error.code, (error.offer or {})["hardware"]) == ("shared_memory_full", {"loader_workers": 0})


def test_other_errors_stay_what_they_are(world: World, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ZeroDivisionError):
        failing(world, monkeypatch, ZeroDivisionError())


def test_nothing_is_offered_where_nothing_can_be_smaller(world: World):
    configuration = world.experiment(batch_size=2, image_size=32).configuration
    assert memory_offer(registry.spec(TASK), configuration) is None


def test_what_is_offered_is_accepted_as_a_configuration(world: World):
    spec = registry.spec(TASK)
    configuration = world.experiment(batch_size=8).configuration
    offer = memory_offer(spec, configuration)
    assert offer is not None
    spec.params.model_validate(filled(spec.params, {**configuration.params, **offer.params}))
    assert JobError.model_validate({"code": "x", "message": "y"}).offer is None
