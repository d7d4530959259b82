"""Asking a worker something and waiting for the answer, for what a page needs within a second or so.

Unlike a job nothing of it lasts: a question is a Celery message with an end, an answer a Redis list that expires. What
is lost is asked again.
"""

import asyncio
import secrets
import time
from enum import StrEnum
from typing import Any, Final

import orjson
import redis
import redis.asyncio
from celery.exceptions import OperationalError as CeleryError
from kombu.exceptions import OperationalError as KombuError

from shared.bus.celery_app import celery_app
from shared.bus.connection import TIMEOUT_S, connection
from shared.bus.worker import workers
from shared.errors import Conflict, Invalid, NotFound, StudioError, TooLarge, Unavailable
from shared.settings import get_settings


class Asked(StrEnum):
    """Who can be asked, which is also the queue the questions wait in."""

    PREVIEW = "preview"


ASK_TASK: Final = "studio.ask.{asked}"
ANSWER_KEY: Final = "studio:answer:{question_id}"
ANSWER_LIFE_S: Final = 30
MOST_ASKED: Final = 64 * 1024
"""Bytes of a question."""
MOST_ANSWERED: Final = 16 * 1024**2
"""Bytes of an answer."""
_MARGIN_S: Final = 1.0
"""Left to a worker that says that it was too slow."""
_ERRORS: Final = {item.status: item for item in (NotFound, Conflict, Invalid, Unavailable)}


async def ask(asked: Asked, question: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """Return what a worker answers.

    Args:
        asked: which kind of worker.
        question: JSON values; `what` names the one who answers within the worker.
        timeout_s: until when the answer is of use.

    Raises:
        Unavailable: no such worker runs, Redis cannot be reached, or there is no answer in time.
        TooLarge: the question is larger than `MOST_ASKED`.
        StudioError: what the worker says instead of an answer, with its code.
    """
    body = orjson.dumps(question)
    if len(body) > MOST_ASKED:
        raise TooLarge("question_too_large", f"{len(body):,} bytes are more than the {MOST_ASKED:,} that can be asked.")
    key = ANSWER_KEY.format(question_id=secrets.token_hex(16))
    try:
        await asyncio.to_thread(_send, asked, key, body.decode(), time.time() + timeout_s)
        answer = await _answered(key, timeout_s + _MARGIN_S)
    except (redis.RedisError, CeleryError, KombuError, OSError) as error:
        raise Unavailable(
            "redis_unavailable", "Redis cannot be reached, so nothing can be asked.", hint="Start Redis, or wait."
        ) from error
    if answer is None:
        raise timed_out(asked, timeout_s)
    return _opened(orjson.loads(answer))


def timed_out(asked: Asked, seconds: float) -> Unavailable:
    """Return the error for an answer that is not there in time."""
    return Unavailable(
        f"{asked}_timed_out",
        f"The {asked} worker did not answer within {seconds:.0f} s.",
        hint="It may be starting, or the machine is busy. Try again.",
    )


def _send(asked: Asked, key: str, body: str, until: float) -> None:
    if not any(worker["kind"] == asked for worker in workers()):
        raise Unavailable(
            f"no_{asked}_worker",
            f"No {asked} worker is running.",
            hint="Start it with the other services, or look at its log for why it ended.",
        )
    name = ASK_TASK.format(asked=asked)
    celery_app.send_task(name, args=[key, body, until], queue=asked.value, retry=False)


async def _answered(key: str, timeout_s: float) -> bytes | None:
    client = redis.asyncio.Redis.from_url(
        get_settings().redis_url, socket_connect_timeout=TIMEOUT_S, socket_timeout=timeout_s + TIMEOUT_S
    )
    async with client:
        found = await client.blpop([key], timeout=timeout_s)
    return bytes(found[1]) if found else None  # type: ignore[arg-type]


def answer(key: str, told: bytes) -> None:
    """Give an answer to whoever waits for it."""
    pipe = connection().pipeline()
    pipe.rpush(key, told)
    pipe.expire(key, ANSWER_LIFE_S)
    pipe.execute()


def told_error(error: StudioError) -> dict[str, Any]:
    """Return an error as the answer it is to a question."""
    told = {"status": error.status, "code": error.code, "message": error.message, "hint": error.hint}
    return {"error": told}


def _opened(told: dict[str, Any]) -> dict[str, Any]:
    if (error := told.get("error")) is not None:
        kind = _ERRORS.get(error["status"], StudioError)
        raise kind(error["code"], error["message"], hint=error["hint"])
    found: dict[str, Any] = told["answer"]
    return found
