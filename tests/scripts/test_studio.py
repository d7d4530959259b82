"""`./studio` as a person uses it."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from scripts.studio.net import any_free_port, get_json
from scripts.studio.options import ROOT

pytestmark = pytest.mark.slow
PATIENCE_S = 60
DEMO_S = 600


class Started:
    """A `./studio` process and what it started."""

    def __init__(self, workspace: Path, command: str, *options: str) -> None:
        self.workspace = workspace
        self.state = workspace.parent / ".run" / workspace.name / "studio.json"
        self.output = workspace.parent / "output.txt"
        given = ("--workspace", workspace, "--port", str(any_free_port()), "--flower-port", str(any_free_port()))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AI_STUDIO_")}
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [ROOT / "studio", command, *given, *options],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=workspace.parent,
                env=environment,
                start_new_session=True,
            )

    def url(self) -> str:
        until = time.monotonic() + PATIENCE_S
        while not self.state.exists():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < until, self.output.read_text()
            time.sleep(0.1)
        return json.loads(self.state.read_text())["url"]

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    place = tmp_path / "a place with spaces"
    place.mkdir()
    return place / "workspace"


@pytest.fixture
def studio(workspace: Path) -> Iterator[Started]:
    started = Started(workspace, "run")
    yield started
    if started.process.poll() is None:
        started.end()


def _left(family: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_everything_that_was_started(studio: Started, number: signal.Signals):
    url = studio.url()
    assert get_json(f"{url}/api/system/ready")[0] == 200
    family = studio.family()
    assert len(family) >= 13, "Redis, gateway, Flower, five workers with a process for their job each"
    assert studio.end(number) == 0
    assert not _left(family)
    assert not studio.state.exists()
    assert list(studio.workspace.parent.glob(".run/workspace/logs/gateway.log"))


def test_killing_the_launcher_leaves_nothing_behind(studio: Started):
    studio.url()
    family = studio.family()
    studio.end(signal.SIGKILL)
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not _left(alive)


def test_a_dead_process_comes_back(studio: Started):
    url = studio.url()
    gateway = next(one for one in studio.family() if "uvicorn" in one.cmdline())
    gateway.kill()
    until = time.monotonic() + PATIENCE_S
    while "gateway was started again" not in studio.output.read_text() or get_json(f"{url}/api/system/ready")[0] != 200:
        assert time.monotonic() < until
        time.sleep(0.2)


def test_a_second_start_on_the_workspace_names_the_first(studio: Started):
    url = studio.url()
    second = subprocess.run(
        [ROOT / "studio", "run", "--workspace", studio.workspace], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert second.returncode == 1
    assert url in second.stderr


@pytest.mark.timeout(DEMO_S + 60)
def test_the_demo_goes_all_the_way(workspace: Path):
    demo = Started(workspace, "demo", "--exit", "--no-flower")
    assert demo.process.wait(DEMO_S) == 0, demo.output.read_text()
    said = demo.output.read_text()
    assert "Look at it:" in said
    assert (workspace.parent / ".run" / "workspace" / "demo" / "model.onnx").stat().st_size > 100_000
