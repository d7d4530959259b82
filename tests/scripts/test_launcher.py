import socket
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.studio.cli import run_command
from scripts.studio.failure import StudioFailure
from scripts.studio.net import any_free_port, choose_port, get_json, is_free
from scripts.studio.options import ROOT, parse
from scripts.studio.redis_server import configuration
from scripts.studio.runfolder import RunFolder, State
from scripts.studio.stack import Plan


@pytest.fixture
def busy_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch):
    for name in ("AI_STUDIO_PORT", "AI_STUDIO_WORKSPACE", "AI_STUDIO_REDIS_URL", "TORCH_INDEX"):
        monkeypatch.delenv(name, raising=False)


def test_the_workspace_stands_in_the_repository_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch):
    assert parse(["run"]).workspace == ROOT / "workspace"
    monkeypatch.setenv("AI_STUDIO_WORKSPACE", "/srv/one")
    assert parse(["run"]).workspace == Path("/srv/one")
    assert parse(["run", "--workspace", "/srv/two"]).workspace == Path("/srv/two")


def test_options_come_from_the_environment_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AI_STUDIO_PORT", "9001")
    monkeypatch.setenv("TORCH_INDEX", "http://127.0.0.1/simple")
    options = parse(["run", "--no-flower"])
    assert (options.port, options.torch_index, options.flower) == (9001, "http://127.0.0.1/simple", False)


@pytest.mark.parametrize("port", ["0", "65536", "web", "-1"])
def test_a_port_that_is_none_is_refused(port: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        parse(["run", f"--port={port}"])
    assert "is not a port" in capsys.readouterr().err


def test_the_next_free_port_is_taken(busy_port: int):
    assert not is_free("127.0.0.1", busy_port)
    assert choose_port("127.0.0.1", None, busy_port, "--port") > busy_port


def test_a_chosen_port_that_is_in_use_is_said(busy_port: int):
    with pytest.raises(StudioFailure, match=f"Port {busy_port} .* in use") as failure:
        choose_port("127.0.0.1", busy_port, 8000, "--port")
    assert "--port" in failure.value.hint


def test_nothing_listening_is_status_zero():
    assert get_json(f"http://127.0.0.1:{any_free_port()}/") == (0, None)


def test_only_one_studio_runs_on_a_workspace(tmp_path: Path):
    first, second = (RunFolder(tmp_path / "work space") for _ in range(2))
    first.make()
    assert first.take()
    first.tell(State(pid=1, url="http://127.0.0.1:8000", flower=None))
    assert not second.take()
    assert second.state() == {"pid": 1, "url": "http://127.0.0.1:8000", "flower": None}
    first.release()
    assert second.take()
    assert second.state() is None
    second.release()


def test_two_workspaces_in_one_folder_do_not_meet(tmp_path: Path):
    assert RunFolder(tmp_path / "one").path != RunFolder(tmp_path / "two").path


def test_a_second_start_says_where_the_first_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("scripts.studio.cli.Installer.ensure", lambda self, dev: self.python)
    first = RunFolder(tmp_path / "workspace")
    first.make()
    first.take()
    first.tell(State(pid=77, url="http://127.0.0.1:8123", flower=None))
    assert run_command(["run", "--workspace", str(tmp_path / "workspace")]) == 1
    said = capsys.readouterr().err
    assert "http://127.0.0.1:8123" in said
    assert "kill 77" in said
    first.release()


def test_the_configuration_of_redis_is_safe_and_takes_any_folder():
    lines = configuration(7001, "secret", Path('/srv/my "own" data')).splitlines()
    assert {"bind 127.0.0.1", "appendonly yes", "maxmemory-policy noeviction", "requirepass secret"} <= set(lines)
    assert r'dir "/srv/my \"own\" data"' in lines


@pytest.mark.parametrize(("host", "shown"), [("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("127.0.0.1", "127.0.0.1")])
def test_the_address_works_in_a_browser(host: str, shown: str):
    assert Plan(Path(sys.executable), Path("w"), host, 8000, None).url == f"http://{shown}:8000"


def test_the_launcher_needs_nothing_but_the_standard_library():
    modules = ", ".join(f"scripts.studio.{path.stem}" for path in (ROOT / "scripts/studio").glob("[a-z]*.py"))
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {modules}"
    bare = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert bare.returncode == 0, bare.stderr
