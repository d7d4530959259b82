"""Failures of the machine in words a person can act on, with the change that would help."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

from shared.errors import StudioError
from shared.schemas.experiment import Experiment
from shared.taskkit.relief import memory_hint, memory_offer
from shared.taskkit.spec import TaskSpec

_NO_MEMORY: Final = ("out of memory", "can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED")
_NO_SHARED_MEMORY: Final = ("shared memory", "bus error")
_LOADER_DIED: Final = "DataLoader worker"


@contextmanager
def explained(spec: TaskSpec, experiment: Experiment) -> Iterator[None]:
    """Turn a want of memory into a `StudioError` that says what to make smaller; other errors pass.

    Raises:
        StudioError: `out_of_memory` or `shared_memory_full`.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        told = f"{type(error).__name__}: {error}".splitlines()[0]
        text = str(error).lower()
        if _LOADER_DIED in str(error) and any(sign in text for sign in _NO_SHARED_MEMORY):
            raise _no_shared_memory(told) from error
        killed = _LOADER_DIED in str(error) and "killed" in text
        if killed or isinstance(error, (MemoryError, torch.OutOfMemoryError)) or _says(text):
            raise _out_of_memory(spec, experiment, told, error) from error
        raise


def _says(text: str) -> bool:
    return any(sign.lower() in text for sign in _NO_MEMORY)


def _out_of_memory(spec: TaskSpec, experiment: Experiment, told: str, error: BaseException) -> StudioError:
    on_gpu = isinstance(error, torch.OutOfMemoryError)
    configuration = experiment.configuration
    offer = memory_offer(spec, configuration)
    return StudioError(
        "out_of_memory",
        f"The {'GPU' if on_gpu else 'machine'} ran out of memory. {told}",
        hint=memory_hint(spec, configuration, on_gpu=on_gpu),
        offer=offer.model_dump() if offer else None,
    )


def _no_shared_memory(told: str) -> StudioError:
    return StudioError(
        "shared_memory_full",
        f"A loader worker found no room in shared memory (/dev/shm). {told}",
        hint="Train without loader workers, or give the container more shared memory (`shm_size`).",
        offer={"label": "no loader workers", "hardware": {"loader_workers": 0}},
    )
