"""A metric over the epochs, read without validation and only once as long as its file stays the same."""

from functools import lru_cache
from pathlib import Path

from shared.store import rows

_POINTS = 60


def curve(path: Path, key: str) -> list[float]:
    """Return the values of a metric in a file of metric rows, oldest first, evenly thinned to at most 60.

    The first and the last value are always among them.

    Args:
        path: a `metrics.jsonl`; where there is none, there are no values.
        key: of the metric, such as `val_loss`. Rows without it are left out.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return []
    return list(_read(path, key, (status.st_mtime_ns, status.st_ino, status.st_size)))


@lru_cache(maxsize=4096)
def _read(path: Path, key: str, _stamp: tuple[int, int, int]) -> tuple[float, ...]:
    found = [rows.loaded(line)["metrics"].get(key) for line in rows.lines(path) if line]
    values = [value for value in found if value is not None]
    if len(values) <= _POINTS:
        return tuple(values)
    last = len(values) - 1
    return tuple(values[round(number * last / (_POINTS - 1))] for number in range(_POINTS))
