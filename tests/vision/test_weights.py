"""Pretrained weights: files under torchvision's names with a true hash in them, in folders and from a real server."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from shared.errors import StudioError
from shared.settings import Settings
from shared.taskkit.runtime import WeightSource

pytestmark = pytest.mark.slow


@dataclass
class Server:
    """Gives one file; `pieces` is what it sends of it, `asked` how often it was asked."""

    name: str
    pieces: bytes
    size: int
    status: int = 200
    asked: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    import torch

    torch.save({"a": torch.arange(6.0)}, tmp_path / "made")
    return (tmp_path / "made").read_bytes()


@pytest.fixture
def serve(content: bytes) -> Iterator[Callable[..., Server]]:
    running: list[ThreadingHTTPServer] = []

    def start(**given: object) -> Server:
        server = Server(name_of(content), content, len(content))
        for key, value in given.items():
            setattr(server, key, value)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked.append(self.path)
                self.send_response(server.status)
                self.send_header("Content-Length", str(server.size))
                self.end_headers()
                self.wfile.write(server.pieces)

            def log_message(self, *_):
                pass

        http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=http.serve_forever, daemon=True).start()
        running.append(http)
        server.url = f"http://127.0.0.1:{http.server_port}/models/{server.name}"
        return server

    yield start
    for http in running:
        http.shutdown()
        http.server_close()


def name_of(content: bytes) -> str:
    return f"resnet18-{hashlib.sha256(content).hexdigest()[:8]}.pth"


def file_of(url: str, source: WeightSource) -> Path:
    from shared.vision.weights import weight_file

    return weight_file(url, source)


def refused(url: str, source: WeightSource) -> StudioError:
    with pytest.raises(StudioError) as caught:
        file_of(url, source)
    assert caught.value.hint
    return caught.value


def test_a_download_lands_in_the_folder_and_is_not_asked_for_again(serve, content: bytes, tmp_path: Path):
    server, folder = serve(), tmp_path / "weights"
    source = WeightSource(folder, None, offline=False)
    first, second = file_of(server.url, source), file_of(server.url, source)
    assert first == second == folder / server.name
    assert first.read_bytes() == content
    assert len(server.asked) == 1
    assert list(folder.iterdir()) == [first]


def test_without_a_folder_it_lands_in_torchs_cache(serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    server = serve()
    found = file_of(server.url, WeightSource(None, None, offline=False))
    assert found == tmp_path / "home/hub/checkpoints" / server.name


def test_a_mirror_serves_machines_without_the_internet(content: bytes, tmp_path: Path):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / name_of(content)).write_bytes(content)
    settings = Settings(weights=tmp_path / "weights", weights_mirror=mirror, offline=True)
    url = f"https://example.org/{name_of(content)}"
    assert file_of(url, WeightSource.of(settings)) == mirror / name_of(content)


def test_offline_it_is_said_where_the_file_goes(tmp_path: Path):
    error = refused("https://example.org/resnet18-12345678.pth", WeightSource(tmp_path, None, offline=True))
    assert error.code == "weights_unavailable"
    assert "switched off" in error.message
    assert str(tmp_path) in error.hint
    assert "https://example.org/resnet18-12345678.pth" in error.hint


class Broken(NamedTuple):
    changes: dict[str, object]
    says: str


@pytest.mark.parametrize(
    "case",
    [
        Broken({"status": 404}, "404"),
        Broken({"name": "resnet18-00000000.pth"}, "does not match the hash"),
        Broken({"pieces": b"half"}, "ended after 4 of"),
    ],
    ids=["not there", "other content", "cut off"],
)
def test_a_download_that_fails_leaves_nothing_behind(case: Broken, serve, tmp_path: Path):
    server, folder = serve(**case.changes), tmp_path / "weights"
    error = refused(server.url, WeightSource(folder, None, offline=False))
    assert error.code == "weights_unavailable"
    assert case.says in error.message
    assert list(folder.iterdir()) == []


def test_a_server_that_is_not_there_is_said(tmp_path: Path):
    error = refused("http://127.0.0.1:9/resnet18-12345678.pth", WeightSource(tmp_path, None, offline=False))
    assert error.code == "weights_unavailable"
    assert "refused" in error.message


def test_a_disk_without_room_is_said_before_anything_is_written(serve, tmp_path: Path):
    server, folder = serve(size=10**17), tmp_path / "weights"
    error = refused(server.url, WeightSource(folder, None, offline=False))
    assert (error.code, error.status) == ("disk_full", 507)
    assert str(folder) in error.message
    assert list(folder.iterdir()) == []


def test_a_damaged_file_is_said_and_not_used(content: bytes, tmp_path: Path):
    path = tmp_path / name_of(content)
    path.write_bytes(content[:-1])
    error = refused(f"https://example.org/{path.name}", WeightSource(tmp_path, None, offline=False))
    assert error.code == "weights_damaged"
    assert path.name in error.message
