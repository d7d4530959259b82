"""A warm process whose questions say what to do: `python -m tests.support.scripted_answers [idle seconds]`."""

import os
import sys
import time
from typing import Any

from shared.bus.answering import serve
from shared.errors import NotFound


def echo(question: dict[str, Any]) -> dict[str, Any]:
    print("this goes to the log")
    return {"said": question["say"], "pid": os.getpid()}


def sleep(question: dict[str, Any]) -> dict[str, Any]:
    time.sleep(question["seconds"])
    return {}


def die(_: dict[str, Any]) -> dict[str, Any]:
    os._exit(9)


def refuse(_: dict[str, Any]) -> dict[str, Any]:
    raise NotFound("thing_not_found", "There is no such thing.", hint="Look elsewhere.")


def fail(_: dict[str, Any]) -> dict[str, Any]:
    raise ZeroDivisionError("by zero")


def shout(question: dict[str, Any]) -> dict[str, Any]:
    return {"said": "x" * question["length"]}


if __name__ == "__main__":
    idle = float(os.environ.get("TEST_IDLE", "60"))
    told = {"echo": echo, "sleep": sleep, "die": die, "refuse": refuse, "fail": fail, "shout": shout}
    sys.exit(serve(told, idle))
