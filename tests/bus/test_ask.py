"""Questions and answers through a real Redis, a real Celery worker and a real process beside it."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from scripts.studio.options import ROOT
from scripts.studio.processes import Child, Service
from shared.bus.answering import WarmProcess
from shared.bus.ask import MOST_ANSWERED, MOST_ASKED, Asked, ask
from shared.bus.connection import connection
from shared.bus.worker import workers
from shared.errors import NotFound, StudioError, TooLarge, Unavailable
from shared.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def warm() -> Iterator[WarmProcess]:
    made = WarmProcess(Asked.PREVIEW, "tests.support.scripted_answers")
    yield made
    made.end()


def told(warm: WarmProcess, timeout_s: float = 20, **question: Any) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(warm.ask(orjson.dumps(question), timeout_s))
    return found


def test_one_process_answers_one_question_after_the_other(warm: WarmProcess) -> None:
    assert warm.pid is None, "it starts with the first question"
    first, second = (told(warm, what="echo", say=text)["answer"] for text in ("ü\n", "b"))
    assert (first["said"], second["said"]) == ("ü\n", "b")
    assert first["pid"] == second["pid"] == warm.pid


def test_what_is_idle_ends_and_is_there_again(warm: WarmProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_IDLE", "0.2")
    first = told(warm, what="echo", say="a")["answer"]
    until = time.monotonic() + 20
    while warm.pid is not None:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert told(warm, what="echo", say="b")["answer"]["pid"] != first["pid"]


def test_what_is_too_slow_is_killed(warm: WarmProcess) -> None:
    pid = told(warm, what="echo", say="a")["answer"]["pid"]
    assert told(warm, timeout_s=0.3, what="sleep", seconds=60)["error"]["code"] == "preview_timed_out"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert told(warm, what="echo", say="b")["answer"]["said"] == "b"


def test_an_end_in_the_middle_is_told_and_not_tried_again(warm: WarmProcess) -> None:
    assert told(warm, what="die")["error"]["code"] == "preview_ended"
    assert told(warm, what="echo", say="b")["answer"]["said"] == "b"


@pytest.mark.parametrize(
    ("question", "status", "code"),
    [
        ({"what": "refuse"}, 404, "thing_not_found"),
        ({"what": "fail"}, 500, "internal_error"),
        ({"what": "nothing"}, 500, "internal_error"),
        ({"what": "shout", "length": MOST_ANSWERED}, 500, "answer_too_large"),
    ],
)
def test_errors_are_answers(warm: WarmProcess, question: dict[str, Any], status: int, code: str) -> None:
    error = told(warm, **question)["error"]
    assert (error["status"], error["code"]) == (status, code)
    assert told(warm, what="shout", length=1_000_000)["answer"]["said"] == "x" * 1_000_000


@pytest.fixture
def worker(settings: Settings, tmp_path: Path) -> Iterator[Child]:
    """A worker that has said that it is there."""
    queue = ("worker", "--queues", "preview", "--pool", "prefork", "--concurrency", "1", "--loglevel", "INFO")
    command = (sys.executable, "-m", "celery", "--app", "tests.support.scripted_worker", *queue)
    child = Child(
        Service("worker", (*command, "--without-gossip", "--without-mingle")), tmp_path / "log", ROOT, os.environ
    )
    child.start()
    until = time.monotonic() + 60
    while not workers():
        assert child.alive, child.last_lines()
        assert time.monotonic() < until, child.last_lines()
        time.sleep(0.05)
    yield child
    child.kill()


def asked(timeout_s: float = 30, **question: Any) -> dict[str, Any]:
    return asyncio.run(ask(Asked.PREVIEW, question, timeout_s))


def test_an_answer_comes_through_the_worker(worker: Child) -> None:
    first = asked(what="echo", say="a")
    started = time.monotonic()
    assert asked(what="echo", say="b") == {"said": "b", "pid": first["pid"]}
    assert time.monotonic() - started < 2, "nothing polls"
    assert asked(what="sleep", seconds=6) == {}, "no client's usual time limit cuts it off"
    with pytest.raises(NotFound, match="no such thing") as caught:
        asked(what="refuse")
    assert (caught.value.code, caught.value.hint) == ("thing_not_found", "Look elsewhere.")
    with pytest.raises(StudioError, match="ZeroDivisionError"):
        asked(what="fail")
    with pytest.raises(Unavailable, match="within 1 s"):
        asked(1, what="sleep", seconds=60)
    assert asked(what="echo", say="c")["said"] == "c"
    assert connection().keys("studio:answer:*") == [], "answers do not stay"


def test_questions_wait_for_each_other_but_not_beyond_their_time(worker: Child) -> None:
    asked(what="echo", say="warm")
    found: list[dict[str, Any]] = []
    threads = [threading.Thread(target=lambda: found.append(asked(what="sleep", seconds=0.3))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [{}, {}, {}]
    slow = threading.Thread(target=lambda: asked(what="sleep", seconds=2))
    slow.start()
    time.sleep(0.5)
    with pytest.raises(Unavailable):
        asked(0.2, what="die")
    slow.join(30)
    assert asked(what="echo", say="the late question was dropped")["said"]


def test_without_a_worker_it_is_said_at_once(settings: Settings) -> None:
    started = time.monotonic()
    with pytest.raises(Unavailable, match="No preview worker is running") as caught:
        asked(what="echo", say="a")
    assert caught.value.hint
    assert time.monotonic() - started < 2
    with pytest.raises(TooLarge):
        asked(what="echo", say="x" * MOST_ASKED)


def test_without_redis_it_is_said(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    connection.cache_clear()
    monkeypatch.setattr("shared.bus.ask.connection", lambda: connection("redis://127.0.0.1:1/0"))
    monkeypatch.setattr("shared.bus.worker.connection", lambda: connection("redis://127.0.0.1:1/0"))
    with pytest.raises(Unavailable, match="Redis cannot be reached"):
        asked(what="echo", say="a")
