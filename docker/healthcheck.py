"""What Docker asks a container: `healthcheck.py http URL` or `healthcheck.py worker KIND`. Light: it runs often."""

import os
import socket
import sys
import urllib.request

import redis

WORKER_KEYS = "studio:worker:{kind}:{kind}@{host}:*"


def answers(url: str) -> bool:
    """Return whether a server answers with success."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return 200 <= int(answer.status) < 300
    except OSError:
        return False


def beats(kind: str) -> bool:
    """Return whether the worker of this container told Redis lately that it is there."""
    client = redis.Redis.from_url(os.environ["AI_STUDIO_REDIS_URL"], socket_timeout=5, socket_connect_timeout=5)
    pattern = WORKER_KEYS.format(kind=kind, host=socket.gethostname())
    try:
        return any(True for _ in client.scan_iter(pattern, count=500))
    except redis.RedisError:
        return False


if __name__ == "__main__":
    ask = {"http": answers, "worker": beats}[sys.argv[1]]
    sys.exit(0 if ask(sys.argv[2]) else 1)
