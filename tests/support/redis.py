"""A bare real Redis for tests: the machine's redis-server, else the one in the environment."""

import secrets
import sys
import time
from pathlib import Path

from scripts.studio.net import any_free_port, redis_answers
from scripts.studio.options import ROOT
from scripts.studio.processes import Child
from scripts.studio.redis_server import find_redis
from scripts.studio.services import redis_service

_PATIENCE_S = 10


class RedisServer:
    """A Redis on a free port that can be killed and started again on the same data.

    Attributes:
        url: Address with password, for any client.
    """

    def __init__(self, folder: Path) -> None:
        self._port = any_free_port()
        self._password = secrets.token_urlsafe(12)
        self.url = f"redis://:{self._password}@127.0.0.1:{self._port}/0"
        server = find_redis(Path(sys.executable))
        service = redis_service(server, self._port, self._password, folder)
        self._child = Child(service, folder / "redis.log", ROOT, {})

    def start(self) -> None:
        """Start it and return when it answers."""
        self._child.start()
        until = time.monotonic() + _PATIENCE_S
        while not redis_answers(self._port, self._password):
            assert self._child.alive, f"Redis ended:\n{self._child.last_lines()}"
            assert time.monotonic() < until, f"Redis does not answer:\n{self._child.last_lines()}"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._child.kill()

    def stop(self) -> None:
        """End it in order."""
        self._child.ask_to_end()
        self._child.wait(time.monotonic() + _PATIENCE_S)
        self._child.kill()
