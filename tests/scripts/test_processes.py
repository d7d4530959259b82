import os
import sys
import time
from pathlib import Path

import pytest

from scripts.studio.processes import Child, Service

SLEEPER = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)
PARENT = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {SLEEPER!r}], start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def child(tmp_path: Path):
    made: list[Child] = []

    def make(code: str, given: str = "") -> Child:
        service = Service("one", (sys.executable, "-c", code), given)
        made.append(Child(service, tmp_path / "one.log", tmp_path, os.environ))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.kill()


def _wait_for_log(child: Child) -> str:
    until = time.monotonic() + 10
    while not child.last_lines() and time.monotonic() < until:
        time.sleep(0.02)
    return child.last_lines().strip()


def test_a_process_gets_its_input_and_leaves_a_log(child):
    one = child("print('got', input())", given="this\n")
    assert one.wait(time.monotonic() + 10)
    assert one.last_lines().strip() == "got this"
    assert one.status == 0


def test_a_process_ends_when_asked(child):
    one = child(SLEEPER)
    one.ask_to_end()
    assert one.wait(time.monotonic() + 10)
    assert not one.alive


def test_a_stubborn_process_is_killed(child):
    one = child(STUBBORN)
    _wait_for_log(one)
    one.ask_to_end()
    assert not one.wait(time.monotonic() + 0.3)
    one.kill()
    assert not one.alive


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_killing_takes_along_what_was_started_in_another_session(child):
    one = child(PARENT)
    grandchild = int(_wait_for_log(one))
    one.kill()
    until = time.monotonic() + 5
    while Path(f"/proc/{grandchild}").exists() and time.monotonic() < until:
        time.sleep(0.02)
    stat = Path(f"/proc/{grandchild}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_process_that_keeps_dying_waits_longer_each_time(child):
    one = child("raise SystemExit(3)")
    waits = []
    for _ in range(3):
        one.wait(time.monotonic() + 10)
        now = time.monotonic()
        waits.append(one.due(now))
        assert one.due(now) is None
        assert not one.restart_if_due(now)
        assert one.restart_if_due(now + 60)
    assert waits == [1.0, 2.0, 4.0]


def test_the_log_of_the_start_before_is_kept(tmp_path: Path):
    for word in ("first", "second"):
        one = Child(
            Service("one", (sys.executable, "-c", f"print({word!r})")), tmp_path / "one.log", tmp_path, os.environ
        )
        one.start()
        assert one.wait(time.monotonic() + 10)
    assert (tmp_path / "one.log").read_text() == "second\n"
    assert (tmp_path / "one.old.log").read_text() == "first\n"
