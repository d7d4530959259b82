"""What is told of a training while it runs: progress with live figures, and the losses on the way."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from services.trainer.preparation import Prepared
from shared.bus.run import Run
from shared.errors import DiskFull
from shared.schemas.course import StepRow
from shared.store.course import Course

STEP_ROWS: Final = 2000
"""Most losses that are kept of a training; of a longer one each is the mean over as many batches."""
_FLUSH_S: Final = 2.0


class Teller:
    """Tells of batches. Losses are written some at a time, because a small model does hundreds of steps a second."""

    def __init__(self, run: Run, prepared: Prepared, course: Course, fence: Callable[[], None]) -> None:
        self._run = run
        self._position = prepared.position
        self._epochs = prepared.blueprint.params.epochs
        self._total = self._epochs * prepared.data.batches_per_epoch
        self._course = course
        self._fence = fence
        self._stride = -(-self._total // STEP_ROWS)
        self._sum = 0.0
        self._count = 0
        self._rows: list[StepRow] = []
        self._written = time.monotonic()
        self._last: StepRow | None = None

    def settled(self, step: int, loss: float, learning_rate: float) -> None:
        """Take the loss of a batch; the position may be one batch ahead of it."""
        epoch = (step - 1) // (self._total // self._epochs) + 1
        self._last = StepRow(step=step, epoch=epoch, loss=loss, learning_rate=learning_rate)
        self._sum += loss
        self._count += 1
        if step % self._stride == 0:
            self._rows.append(self._last.model_copy(update={"loss": self._sum / self._count}))
            self._sum, self._count = 0.0, 0
        if self._rows and time.monotonic() - self._written > _FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Write the losses that wait; on a full disk they go on waiting, because the training itself may still fit.

        Raises:
            Cancelled: the experiment is not this run's any more.
        """
        self._written = time.monotonic()
        if self._rows:
            self._fence()
            with suppress(DiskFull):
                self._course.append_steps(self._rows)
                self._rows = []

    def progress(self, what: str, live: dict[str, float]) -> None:
        """Tell where the training is."""
        known = {"loss": self._last.loss, "learning_rate": self._last.learning_rate} if self._last else {}
        self._run.progress(
            "training",
            self._position.step,
            self._total,
            unit="steps",
            message=f"epoch {self._position.epoch + 1} of {self._epochs}{what}",
            values={**known, **live},
        )
