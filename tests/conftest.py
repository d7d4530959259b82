"""Fixtures that any test may use."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.redis import RedisServer

# How long an example takes depends on what else the machine does.
settings.register_profile("studio", deadline=None)
settings.load_profile("studio")


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A bare real Redis, shared by all tests of a run: use keys of your own or flush it."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()
