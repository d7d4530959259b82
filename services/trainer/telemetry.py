"""What the machine does while a training runs, read every few seconds beside it."""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil
import torch

from shared.bus.run import Cancelled, Run
from shared.errors import NotFound, StudioError
from shared.schemas.course import GpuReading, TelemetryRow
from shared.store.course import Course

log = logging.getLogger(__name__)
INTERVAL_S: Final = 5.0

GpuSensor = Callable[[], Sequence[GpuReading]]


def read_gpus() -> list[GpuReading]:
    """Return what the GPUs this process can use say, none where there are none."""
    return [_gpu(index) for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []


def _gpu(index: int) -> GpuReading:
    free, total = torch.cuda.mem_get_info(index)
    utilization: float | None = None
    # Needs the package nvidia-ml-py, and a driver that tells.
    with suppress(ModuleNotFoundError, RuntimeError, OSError):
        utilization = float(torch.cuda.utilization(index))
    name = torch.cuda.get_device_name(index)
    return GpuReading(name=name, utilization=utilization, memory_used=total - free, memory_total=total)


class Sensors:
    """Reads this process, its children, the machine and its GPUs. Rates are over the time since the last reading."""

    def __init__(self, folder: Path, gpus: GpuSensor = read_gpus) -> None:
        self._folder = folder
        self._gpus = gpus
        self._process = psutil.Process()
        self._cpu_seconds = self._spent(self._family())
        self._written: dict[int, int] = {}
        self._at = time.monotonic()
        psutil.cpu_percent()

    def read(self) -> TelemetryRow:
        """Return a reading."""
        family = self._family()
        now, spent = time.monotonic(), self._spent(family)
        share = max(0.0, spent - self._cpu_seconds) / max(1e-3, now - self._at)
        self._at, self._cpu_seconds = now, spent
        machine = psutil.virtual_memory()
        return TelemetryRow(
            cpu_percent=psutil.cpu_percent(),
            run_cpu_percent=round(100 * share, 1),
            run_memory=sum(_memory(process) for process in family),
            memory_used=machine.total - machine.available,
            memory_total=machine.total,
            disk_free=shutil.disk_usage(self._folder).free,
            disk_written=self._disk_written(family),
            gpus=list(self._gpus()),
        )

    def _family(self) -> list[psutil.Process]:
        """Return this process and all below it: found once a reading, because every process of the machine is asked."""
        with suppress(psutil.Error):
            return [self._process, *self._process.children(recursive=True)]
        return [self._process]

    def _spent(self, family: Sequence[psutil.Process]) -> float:
        """Return the processor seconds of the run; those of loaders that ended count with this process."""
        times = self._process.cpu_times()
        total = times.user + times.system + times.children_user + times.children_system
        for child in family[1:]:
            with suppress(psutil.Error):
                own = child.cpu_times()
                total += own.user + own.system
        return float(total)

    def _disk_written(self, family: Sequence[psutil.Process]) -> int:
        for process in family:
            with suppress(psutil.Error, AttributeError):
                self._written[process.pid] = process.io_counters().write_bytes
        return sum(self._written.values())


class Telemetry:
    """Keeps and tells a reading every few seconds between entering and leaving it.

    It runs beside the training, because a batch or a validation may take longer than that. What it cannot keep or
    tell is lost: a training does not end for want of a chart.
    """

    def __init__(self, run: Run, course: Course, gpus: GpuSensor = read_gpus, interval_s: float = INTERVAL_S) -> None:
        self._run = run
        self._course = course
        self._gpus = gpus
        self._interval = interval_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True, name="telemetry")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(timeout=self._interval)

    def _follow(self) -> None:
        sensors = Sensors(self._run.workspace.root, self._gpus)
        pause = min(1.0, self._interval)  # so that a short training has a reading too
        while not self._over.wait(pause):
            pause = self._interval
            try:
                row = sensors.read()
                self._run.emit("telemetry", row.model_dump(mode="json"))
                self._course.append_telemetry(row)
            except (Cancelled, NotFound):
                return
            except (StudioError, OSError, RuntimeError, psutil.Error) as error:
                log.debug("a reading was lost: %s", error)


def _memory(process: psutil.Process) -> int:
    """Return the memory of a process, what it shares divided among those who share it where the system tells."""
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", 0) or full.uss)
    except psutil.AccessDenied:
        with suppress(psutil.Error):
            return int(process.memory_info().rss)
    except psutil.Error:
        pass
    return 0
