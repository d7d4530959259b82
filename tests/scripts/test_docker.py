import importlib.util
import re
import socket
from pathlib import Path

import pytest
import redis

from scripts.studio.options import ROOT
from scripts.studio.services import worker_services
from tests.support.redis import RedisServer

COMPOSE = (ROOT / "docker-compose.yml").read_text()


@pytest.fixture(scope="module")
def healthcheck():
    spec = importlib.util.spec_from_file_location("healthcheck", ROOT / "docker" / "healthcheck.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("service", worker_services(Path("python")), ids=lambda service: service.name)
def test_containers_start_workers_as_the_launcher_does(service):
    assert f"command: {' '.join(service.command[2:])}\n" in COMPOSE


def test_only_this_machine_reaches_the_published_ports():
    published = re.findall(r'- "(\S+):\d+"\n', COMPOSE)
    assert len(published) == 2
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_a_worker_is_healthy_while_it_tells_that_it_is_there(
    healthcheck, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AI_STUDIO_REDIS_URL", redis_server.url)
    from shared.bus import worker  # its name below is what a worker writes

    key = worker._KEY.format(kind="import", name=f"import@{socket.gethostname()}:7")
    assert not healthcheck.beats("import")
    with redis.Redis.from_url(redis_server.url) as client:
        client.set(key, "{}", ex=20)
        assert healthcheck.beats("import")
        assert not healthcheck.beats("training")
        client.delete(key)


def test_a_worker_without_redis_is_not_healthy(healthcheck, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AI_STUDIO_REDIS_URL", "redis://127.0.0.1:1/0")
    assert not healthcheck.beats("import")


def test_a_server_that_does_not_answer_is_not_healthy(healthcheck):
    assert not healthcheck.answers("http://127.0.0.1:1/")
