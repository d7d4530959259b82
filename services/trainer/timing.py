"""Where the time of an epoch goes: waiting for images, forward, backward, optimizer step, validation."""

import time
from typing import Final

import torch

from shared.schemas.experiment import EpochTimes
from shared.vision.checkpoints import Position

_EVERY: Final = 16
"""On a GPU one batch in so many is waited for at each part: its work runs behind the program's back otherwise."""
_SMOOTHING: Final = 0.1
_PARTS: Final = ("forward", "backward", "step")


class Clock:
    """Measures batch by batch. What it gathers of an unfinished epoch is in the position, so that a resume keeps it."""

    def __init__(self, device: torch.device, position: Position) -> None:
        self._device = device if device.type == "cuda" else None
        self._position = position
        self._batch = 0
        self._mark = self._began = time.monotonic()
        self._parts: dict[str, float] = {}
        self._live: dict[str, float] = {}

    def restart(self) -> None:
        """Begin to wait for the first batch, or for the first after something that is not measured."""
        self._mark = time.monotonic()

    def data_came(self) -> None:
        """The images of a batch are here."""
        self._parts = {}
        now = time.monotonic()
        self._add("data", now - self._mark, part_of_epoch=True)
        self._parts["data"] = now - self._mark
        self._mark = self._began = self._now()

    def passed(self, part: str) -> None:
        """A part of the batch is over: `forward` or `backward`."""
        now = self._now()
        self._parts[part] = self._parts.get(part, 0.0) + now - self._mark
        self._mark = now

    def batch_ended(self, images: int) -> None:
        """The optimizer has done its step and the batch is told of; the wait for the next one begins."""
        self.passed("step")
        self._add("compute", self._mark - self._began, part_of_epoch=True)
        self._add("images", images)
        if self._sampled:
            for part in _PARTS:
                self._add(part, self._parts.get(part, 0.0))
        self._follow(images, self._mark - self._began)
        self._batch += 1

    def validation_ended(self) -> None:
        """Count the time since `restart` as validation."""
        now = time.monotonic()
        self._add("validation", now - self._mark, part_of_epoch=True)
        self._mark = now

    @property
    def live(self) -> dict[str, float]:
        """Images a second and milliseconds a batch by part, of the last batches."""
        batch = self._live.get("data", 0.0) + self._live.get("compute", 0.0)
        if batch <= 0:
            return {}
        told = {f"{part}_ms": round(1000 * self._live.get(part, 0.0), 2) for part in ("data", *_PARTS)}
        return {"images_per_second": round(self._live["images"] / batch, 2), **told}

    def epoch(self) -> tuple[EpochTimes, float]:
        """Return the times of the epoch and its images a second, validation not counted; the next epoch begins."""
        found = self._position.epoch_times
        measured = sum(found.get(part, 0.0) for part in _PARTS)
        scale = found.get("compute", 0.0) / measured if measured else 0.0
        shares = {part: round(scale * found.get(part, 0.0), 3) for part in _PARTS}
        waited = {part: round(found.get(part, 0.0), 3) for part in ("data", "validation")}
        trained = found.get("data", 0.0) + found.get("compute", 0.0)
        rate = round(found.get("images", 0.0) / trained, 2) if trained else 0.0
        self._position.epoch_times = {}
        return EpochTimes.model_validate({**shares, **waited}), rate

    @property
    def _sampled(self) -> bool:
        return self._device is None or self._batch % _EVERY == 0

    def _now(self) -> float:
        if self._device is not None and self._sampled:
            torch.cuda.synchronize(self._device)
        return time.monotonic()

    def _add(self, name: str, value: float, *, part_of_epoch: bool = False) -> None:
        times = self._position.epoch_times
        times[name] = times.get(name, 0.0) + value
        if part_of_epoch:
            self._position.epoch_seconds += value

    def _follow(self, images: int, compute: float) -> None:
        newest = {"data": self._parts["data"], "compute": compute, "images": float(images)}
        if self._sampled:
            newest.update({part: self._parts.get(part, 0.0) for part in _PARTS})
        for name, value in newest.items():
            before = self._live.get(name, value)
            self._live[name] = before + _SMOOTHING * (value - before)
