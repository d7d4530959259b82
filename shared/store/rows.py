"""Files of rows: one JSON object a line, appended while something runs.

A kill may leave half a line at the end; readers do not see it, and the next writer removes it.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, TypeVar

import orjson

from shared.schemas.base import Model
from shared.store.files import disk_errors, locked, sync_file, write_bytes

M = TypeVar("M", bound=Model)
_TAIL = 65536


def read(model: type[M], path: Path) -> list[M]:
    """Return the complete rows of a file, none where there is no file."""
    return [model.model_validate_json(line) for line in lines(path)]


def lines(path: Path) -> list[bytes]:
    """Return the complete lines of a file, without their ends."""
    try:
        return path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []


def loaded(line: bytes) -> dict[str, Any]:
    """Return a line as plain values."""
    row: dict[str, Any] = orjson.loads(line)
    return row


def append(path: Path, rows: Iterable[dict[str, Any]], *, durable: bool = False) -> None:
    """Append rows; `durable` waits until they are on the disk.

    Raises:
        FileNotFoundError: the folder is gone; it is not brought back.
        DiskFull: there is no room for them.
    """
    data = b"".join(orjson.dumps(row) + b"\n" for row in rows)
    with disk_errors(), locked(path, make_folder=False):
        with path.open("ab+", buffering=0) as file:
            file.truncate(_whole(file))
            file.write(data)
        if durable:
            sync_file(path)


def keep(path: Path, wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Drop the rows that are not wanted; the others stay byte for byte."""
    if not path.exists():
        return
    with locked(path):
        write_bytes(path, b"".join(line + b"\n" for line in lines(path) if wanted(loaded(line))))


def thin(path: Path) -> int:
    """Drop every second row but the newest and return how many are left."""
    with locked(path):
        left = lines(path)[::-1][::2][::-1]
        write_bytes(path, b"".join(line + b"\n" for line in left))
    return len(left)


def _whole(file: IO[bytes]) -> int:
    """Return where the last complete line ends."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - _TAIL)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
