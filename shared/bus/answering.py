"""The worker that is asked: a Celery process that stays small, and a warm process beside it that computes.

The warm process is started with the first question, answers one after the other, ends after some idle minutes, and is
killed when it is too slow. Started as `celery -A services.<name>.worker worker --queues <asked>`; the module calls
`make_answerer`. The warm process is `python -m <module>`, which calls `serve`.
"""

import logging
import os
import select
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import IO, Any, Final

import orjson
from celery import Celery

from shared.bus.ask import ASK_TASK, MOST_ANSWERED, Asked, answer, timed_out, told_error
from shared.bus.celery_app import celery_app
from shared.bus.process import end_with_parent, kill, run_environment
from shared.bus.worker import appear_while_running, worker_name
from shared.errors import StudioError, Unavailable

log = logging.getLogger(__name__)
IDLE_S: Final = 300.0
_CHUNK: Final = 1 << 16
Answer = Callable[[dict[str, Any]], dict[str, Any]]


def make_answerer(asked: Asked, module: str) -> Celery:
    """Return the Celery application of a worker whose questions `python -m module` answers."""
    warm = WarmProcess(asked, module)

    @celery_app.task(name=ASK_TASK.format(asked=asked))  # type: ignore[untyped-decorator]
    def run(key: str, question: str, until: float) -> None:
        if time.time() < until:
            answer(key, warm.ask(question.encode(), until - time.time()))

    appear_while_running(asked, worker_name(asked))
    return celery_app


class WarmProcess:
    """Keeps a process that answers lines of JSON on its input by lines on its output."""

    def __init__(self, asked: Asked, module: str) -> None:
        self._asked = asked
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def ask(self, question: bytes, timeout_s: float) -> bytes:
        """Return the answer of the process as JSON, or an error in its place; start the process where there is none."""
        until = time.monotonic() + timeout_s
        try:
            found = self._tried(question, until)
            if found is None and self._went_idle():
                found = self._tried(question, until)
        except TimeoutError:
            self.end()
            return orjson.dumps(told_error(timed_out(self._asked, timeout_s)))
        except OSError as error:
            return orjson.dumps(told_error(self._lost(f"It could not be started: {error}.")))
        if found is None:
            self.end()
            return orjson.dumps(told_error(self._lost("Perhaps the memory did not suffice.")))
        return found

    def end(self) -> None:
        """End the process at once."""
        if self._process is not None:
            kill(self._process)
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    pipe.close()
        self._process = None

    def _tried(self, question: bytes, until: float) -> bytes | None:
        """Return the answer, or None where the process ends instead.

        Raises:
            TimeoutError: there is none in time.
        """
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(question + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            return None
        return _line(process.stdout, until)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.end()
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=run_environment(),
                start_new_session=True,
                preexec_fn=end_with_parent(),
            )
        return self._process

    def _went_idle(self) -> bool:
        """Whether the process ended in order, just as it was asked."""
        return self._process is not None and self._process.wait() == 0

    def _lost(self, why: str) -> Unavailable:
        return Unavailable(
            f"{self._asked}_ended", f"What answers in the {self._asked} worker ended. {why}", hint="Try again."
        )


def _line(output: IO[bytes], until: float) -> bytes | None:
    """Return what comes up to the end of a line, or None where the output ends first."""
    found = bytearray()
    while not found.endswith(b"\n"):
        ready, _, _ = select.select([output], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            raise TimeoutError
        part = os.read(output.fileno(), _CHUNK)
        if not part:
            return None
        found += part
    return bytes(found)


def serve(answers: Mapping[str, Answer], idle_s: float = IDLE_S) -> int:
    """Answer questions until the input ends or none comes for `idle_s` seconds; return the exit status.

    Args:
        answers: by what a question's `what` names.
        idle_s: seconds.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    # Whatever prints must not get between the answers.
    told = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    questions = sys.stdin.buffer
    while select.select([questions], [], [], idle_s)[0] and (line := questions.readline()):
        told.write(_answered(answers, line) + b"\n")
        told.flush()
    return 0


def _answered(answers: Mapping[str, Answer], line: bytes) -> bytes:
    try:
        question = orjson.loads(line)
        found = orjson.dumps({"answer": answers[question["what"]](question)})
        if len(found) > MOST_ANSWERED:
            raise StudioError("answer_too_large", f"{len(found):,} bytes are more than an answer may have.")
        return found
    except StudioError as error:
        return orjson.dumps(told_error(error))
    except Exception as error:
        traceback.print_exc()
        hint = "This is a fault of the studio. The worker's log has the details."
        return orjson.dumps(told_error(StudioError("internal_error", f"{type(error).__name__}: {error}", hint=hint)))
