"""Redis connections that survive its absence."""

from functools import lru_cache

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from shared.settings import get_settings

TIMEOUT_S = 3.0


@lru_cache(maxsize=4)
def connection(url: str | None = None) -> "redis.Redis":
    """Return this process's client; it connects on first use and again after a loss."""
    return redis.Redis.from_url(
        url or get_settings().redis_url,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        socket_keepalive=True,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 1),
    )
