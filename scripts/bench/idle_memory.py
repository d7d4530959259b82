"""Goal 13: the idle gateway and the idle importer stay below 150 MB resident each."""

import sys
import tempfile
import time
from pathlib import Path

import psutil

from scripts.studio.net import any_free_port
from scripts.studio.runfolder import RunFolder
from scripts.studio.stack import Plan, Stack

GOAL_MB = 150
_SETTLE_S = 5


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process and what it started; pages they share count once for each."""
    process = psutil.Process(pid)
    return sum(one.memory_info().rss for one in (process, *process.children(recursive=True))) / 1e6


def unique_mb(pid: int) -> float:
    """Return the memory that would be free again without the process and what it started."""
    process = psutil.Process(pid)
    return sum(float(one.memory_full_info().pss) for one in (process, *process.children(recursive=True))) / 1e6


def main() -> int:
    """Start a studio, let it settle, measure; return 1 when a process is above the goal."""
    with tempfile.TemporaryDirectory() as place:
        workspace = Path(place) / "workspace"
        folder = RunFolder(workspace)
        folder.make()
        stack = Stack(Plan(Path(sys.executable), workspace, "127.0.0.1", any_free_port(), None), folder)
        try:
            stack.start()
            stack.wait_until_ready()
            time.sleep(_SETTLE_S)
            verdicts = [_measure(stack, name) for name in ("gateway", "importer")]
        finally:
            stack.stop()
    return 0 if all(verdicts) else 1


def _measure(stack: Stack, name: str) -> bool:
    pid = stack.children[name].pid
    assert pid is not None
    resident = resident_mb(pid)
    verdict = "ok" if resident <= GOAL_MB else "MISSED"
    print(
        f"idle {name}: {resident:.0f} MB resident ({unique_mb(pid):.0f} MB proportional), goal {GOAL_MB} MB: {verdict}"
    )
    return resident <= GOAL_MB


if __name__ == "__main__":
    sys.exit(main())
