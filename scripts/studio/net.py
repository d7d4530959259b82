"""Ports, and the questions asked of what listens on them."""

import contextlib
import json
import socket
import urllib.error
import urllib.request
from typing import Any

from scripts.studio.failure import StudioFailure

_TRIES = 50
# The studio is asked directly, whatever proxy the environment names.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def is_free(host: str, port: int) -> bool:
    """Return whether a server could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose_port(host: str, chosen: int | None, default: int, option: str) -> int:
    """Return the chosen port, or else the default or the next one that is free.

    Raises:
        StudioFailure: the chosen port is in use, or none is free.
    """
    if chosen is not None:
        if not is_free(host, chosen):
            raise StudioFailure(
                f"Port {chosen} on {host} is in use or not allowed.", f"Choose another one with {option}."
            )
        return chosen
    for port in range(default, default + _TRIES):
        if is_free(host, port):
            return port
    raise StudioFailure(
        f"No port from {default} to {default + _TRIES - 1} is free on {host}.", f"Choose one with {option}."
    )


def any_free_port() -> int:
    """Return a port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get_json(url: str, timeout: float = 5.0) -> tuple[int, Any]:
    """Return the status and the decoded body of a GET; status 0 when nothing answers."""
    try:
        with _OPENER.open(url, timeout=timeout) as answer:
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, body = error.code, error.read()
    except OSError:
        return 0, None
    with contextlib.suppress(ValueError):
        return status, json.loads(body)
    return status, None


def redis_answers(port: int, password: str) -> bool:
    """Return whether the Redis on this port of 127.0.0.1 takes the password and has read its data."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as talk:
            talk.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2 and (more := talk.recv(1024)):
                answer += more
    except OSError:
        return False
    return answer == b"+OK\r\n+PONG\r\n"
