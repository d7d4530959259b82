"""A run whose behaviour the job's payload decides: stands in for training and the like in tests of the bus."""

import os
import signal
import time
from typing import Any

from shared.bus.run import Run, Yielded, main
from shared.errors import Invalid


def work(run: Run) -> dict[str, Any] | None:
    """Do what `payload["do"]` says."""
    if run.job.attempt <= run.payload.get("times", 99):
        _DOINGS[run.payload["do"]](run)
    print("the last word")
    return {"attempt": run.job.attempt}


def _count(run: Run) -> None:
    for number in range(run.payload.get("steps", 3)):
        run.progress("counting", number + 1, 3, unit="numbers")
        time.sleep(0.05)


def _wait_for_the_end(run: Run) -> None:
    run.progress("waiting", 1)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if run.stop_requested:
            run.ended_early = True
            return
        if run.yield_requested:
            raise Yielded
        run.check()
        time.sleep(0.05)


def _ignore_everything(run: Run) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    run.progress("deaf", 1)
    time.sleep(60)


def _die(run: Run) -> None:
    run.progress("dying", run.job.attempt if run.payload.get("further") else 1)
    os.kill(os.getpid(), signal.SIGKILL)


def _refuse(_run: Run) -> None:
    raise Invalid("wrong", "This is wrong.", hint="Do it right.")


def _crash(_run: Run) -> None:
    raise ZeroDivisionError("by zero")


def _exit(_run: Run) -> None:
    os._exit(3)


_DOINGS = {
    "count": _count,
    "wait": _wait_for_the_end,
    "deaf": _ignore_everything,
    "die": _die,
    "refuse": _refuse,
    "crash": _crash,
    "exit": _exit,
}

if __name__ == "__main__":
    raise SystemExit(main(work))
