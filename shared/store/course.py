"""The course of a training on disk: what it wrote row by row while it ran.

`metrics.jsonl` holds only what follows from data, seed and settings, so that a run that was killed and resumed writes
the same bytes as one that was not. What a clock or a sensor measured stands in files beside it.
"""

from pathlib import Path
from typing import Any, Final

from shared.schemas.course import EpochSamples, SkippedImage, StepRow, TelemetryRow
from shared.schemas.experiment import EpochRow
from shared.store import rows

TELEMETRY_ROWS: Final = 2000
"""How many rows of telemetry are kept; a longer training keeps fewer of each hour."""
SAMPLE_ROWS: Final = 200
"""How many epochs keep their sample predictions; of a longer training only some do."""
_MEASURED: Final = ("seconds", "images_per_second", "times", "at")
_FILES: Final = ("metrics", "timings", "steps", "telemetry", "samples", "skipped")


class Course:
    """The row files in an experiment's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def epochs(self, since_epoch: int = 0) -> list[EpochRow]:
        """Return the rows of epochs after `since_epoch`, oldest first, with what was measured of each."""
        timings = {row["epoch"]: row for row in map(rows.loaded, rows.lines(self._path("timings")))}
        found = map(rows.loaded, rows.lines(self._path("metrics")))
        return [
            EpochRow.model_validate({**row, **timings.get(row["epoch"], {})})
            for row in found
            if row["epoch"] > since_epoch
        ]

    def append_epoch(self, row: EpochRow) -> None:
        """Append an epoch, durably. A kill between the two files leaves a time without metrics, which is not shown."""
        told = row.model_dump(mode="json")
        measured = {"epoch": row.epoch, **{key: told.pop(key) for key in _MEASURED}}
        rows.append(self._path("timings"), [measured])
        rows.append(self._path("metrics"), [told], durable=True)

    def steps(self) -> list[StepRow]:
        """Return the losses on the way, oldest first."""
        return rows.read(StepRow, self._path("steps"))

    def append_steps(self, found: list[StepRow]) -> None:
        """Append losses."""
        rows.append(self._path("steps"), [row.model_dump(mode="json") for row in found])

    def telemetry(self) -> list[TelemetryRow]:
        """Return what the sensors said, oldest first."""
        return rows.read(TelemetryRow, self._path("telemetry"))

    def append_telemetry(self, row: TelemetryRow) -> None:
        """Append a reading, and drop every second one when there are too many."""
        path = self._path("telemetry")
        rows.append(path, [row.model_dump(mode="json")])
        if len(rows.lines(path)) > TELEMETRY_ROWS:
            rows.thin(path)

    def samples(self) -> list[EpochSamples]:
        """Return the sample predictions of all epochs, oldest first."""
        return rows.read(EpochSamples, self._path("samples"))

    def append_samples(self, row: EpochSamples) -> None:
        """Append the sample predictions of an epoch."""
        path = self._path("samples")
        rows.append(path, [row.model_dump(mode="json")])
        if len(rows.lines(path)) > SAMPLE_ROWS:
            rows.thin(path)

    def skipped(self) -> list[SkippedImage]:
        """Return the images that could not be read, each once."""
        return rows.read(SkippedImage, self._path("skipped"))

    def append_skipped(self, found: list[SkippedImage]) -> None:
        """Append images that are not listed yet."""
        rows.append(self._path("skipped"), [item.model_dump(mode="json") for item in found])

    def keep_through(self, epoch: int, step: int) -> None:
        """Drop what came after `epoch` and `step`: a resumed run writes it again."""

        def of_kept_epoch(row: dict[str, Any]) -> bool:
            return int(row["epoch"]) <= epoch

        for name in ("metrics", "timings", "samples"):
            rows.keep(self._path(name), of_kept_epoch)
        rows.keep(self._path("steps"), lambda row: int(row["step"]) <= step)

    def clear(self) -> None:
        """Remove all rows."""
        for name in _FILES:
            self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.jsonl"
