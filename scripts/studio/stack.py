"""All processes of a studio together: start, wait until ready, keep alive, end."""

import os
import secrets
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.studio import services
from scripts.studio.failure import StudioFailure
from scripts.studio.net import any_free_port, get_json, redis_answers
from scripts.studio.options import ROOT
from scripts.studio.processes import Child, Service
from scripts.studio.redis_server import find_redis
from scripts.studio.runfolder import RunFolder

REDIS_START_S = 30.0
READY_S = 120.0
_MARGIN_S = 10.0
"""What a worker needs on top of a run's grace period to end in order."""
_REDIS_END_S = 10.0
_PING = "import os, redis; redis.Redis.from_url(os.environ['AI_STUDIO_REDIS_URL'], socket_connect_timeout=5).ping()"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to start, decided. `environment` is added to that of this process."""

    python: Path
    workspace: Path
    host: str
    port: int
    flower_port: int | None
    redis_url: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The address for a browser on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(self.host, self.host)
        return f"http://{host}:{self.port}"

    @property
    def flower_url(self) -> str | None:
        """The address of Flower, if it is wanted."""
        return f"http://127.0.0.1:{self.flower_port}" if self.flower_port else None


class Stack:
    """The running processes."""

    def __init__(self, plan: Plan, folder: RunFolder) -> None:
        self.plan = plan
        self.redis_url = plan.redis_url or ""
        self.children: dict[str, Child] = {}
        self._folder = folder

    def start(self) -> None:
        """Start everything: Redis first, the rest at once.

        Raises:
            StudioFailure: Redis does not come up.
        """
        self.plan.workspace.mkdir(parents=True, exist_ok=True)
        if self.plan.redis_url:
            self._check_given_redis()
        else:
            self._start_redis()
        python = self.plan.python
        rest = [
            services.gateway_service(python, self.plan.host, self.plan.port),
            *services.worker_services(python),
        ]
        if self.plan.flower_port:
            rest.append(services.flower_service(python, self.plan.flower_port))
        for service in rest:
            self._start(service)

    def wait_until_ready(self, stop: Callable[[], bool] = lambda: False, timeout: float = READY_S) -> None:
        """Return when the gateway says that every part is there, or when `stop` says so.

        Raises:
            StudioFailure: a process ended, or the time is over.
        """
        until = time.monotonic() + timeout
        told: Any = None
        while not stop():
            status, told = get_json(f"{self.plan.url}/api/system/ready")
            if status == 200:
                return
            for child in self.children.values():
                if not child.alive:
                    raise self._died(child)
            if time.monotonic() > until:
                raise self._too_slow(told, timeout)
            time.sleep(0.1)

    def mend(self, tell: Callable[[str], None]) -> None:
        """Look at every process once and start the dead again after a while."""
        now = time.monotonic()
        for child in self.children.values():
            if child.alive:
                continue
            if (wait := child.due(now)) is not None:
                tell(f"{child.name} ended ({_how(child.status)}); it starts again in {wait:.0f} s. Log: {child.log}")
            elif child.restart_if_due(now):
                tell(f"{child.name} was started again.")

    def stop(self, hurry: Callable[[], bool] = lambda: False) -> None:
        """End everything in order, Redis last; what does not end in time, or when `hurry` says so, is killed."""
        redis = self.children.get("redis")
        others = [child for child in self.children.values() if child is not redis]
        self._end(others, self._grace(), hurry)
        if redis:
            self._end([redis], _REDIS_END_S, hurry)
        self.children.clear()

    def _end(self, children: list[Child], patience: float, hurry: Callable[[], bool]) -> None:
        for child in children:
            child.ask_to_end()
        until = time.monotonic() + patience
        while any(child.alive for child in children) and time.monotonic() < until and not hurry():
            time.sleep(0.05)
        for child in children:
            child.kill()

    def _grace(self) -> float:
        return float(self._environment().get("AI_STUDIO_GRACE", "20")) + _MARGIN_S

    def _start_redis(self) -> None:
        port, password = any_free_port(), secrets.token_urlsafe(24)
        server = find_redis(self.plan.python)
        child = self._start(services.redis_service(server, port, password, self._folder.redis))
        until = time.monotonic() + REDIS_START_S
        while not redis_answers(port, password):
            if not child.alive or time.monotonic() > until:
                raise StudioFailure(
                    f"Redis ({server}) does not start. The last it said:\n{child.last_lines()}",
                    f"The folder {self._folder.redis} holds nothing that cannot be lost: delete it and start again.",
                )
            time.sleep(0.02)
        self.redis_url = f"redis://:{password}@127.0.0.1:{port}/0"

    def _check_given_redis(self) -> None:
        answer = subprocess.run(
            [self.plan.python, "-c", _PING], env=self._environment(), capture_output=True, text=True, cwd=ROOT
        )
        if answer.returncode:
            why = (answer.stderr.strip().splitlines() or ["no answer"])[-1]
            raise StudioFailure(
                f"The Redis that was given does not answer: {why}",
                "Look at --redis-url or AI_STUDIO_REDIS_URL, or leave it away to have one started.",
            )

    def _start(self, service: Service) -> Child:
        child = Child(service, self._folder.logs / f"{service.name}.log", ROOT, self._environment())
        self.children[service.name] = child
        child.start()
        return child

    def _environment(self) -> dict[str, str]:
        ours = {"AI_STUDIO_WORKSPACE": str(self.plan.workspace), "PYTHONUNBUFFERED": "1"}
        if self.redis_url:
            ours["AI_STUDIO_REDIS_URL"] = self.redis_url
        if self.plan.flower_url:
            ours["AI_STUDIO_FLOWER_URL"] = self.plan.flower_url
        return {**os.environ, **ours, **self.plan.environment}

    def _died(self, child: Child) -> StudioFailure:
        return StudioFailure(
            f"{child.name} ended while starting ({_how(child.status)}). The last it said:\n{child.last_lines()}",
            f"The whole log is {child.log}.",
        )

    def _too_slow(self, told: Any, timeout: float) -> StudioFailure:
        gateway = self.children["gateway"]
        said = f"It says: {told}" if told else f"The last it said:\n{gateway.last_lines()}"
        return StudioFailure(
            f"The studio is not ready after {timeout:.0f} s. {said}",
            f"The logs are in {self._folder.logs}. On a busy machine, start again.",
        )


def _how(status: int | None) -> str:
    if status is None:
        return "no status"
    return f"signal {-status}" if status < 0 else f"status {status}"
