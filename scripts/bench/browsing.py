"""Goals 2, 3 and 4: pages out of a million images, appending to them, and editing one.

`AI_STUDIO_BENCH_IMAGES` sets another number than a million.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil

from scripts.bench._asgi import Application, application, get
from scripts.bench._generated import append, filled, images, imported
from shared.store.chunks import line_id
from shared.store.datasets import DatasetStore
from shared.store.workspace import Workspace

IMAGES = int(os.environ.get("AI_STUDIO_BENCH_IMAGES", "1000000"))
_FEW = 1000
PAGE_RATIO, PAGE_P95_MS, APPEND_RATIO, EDIT_MS = 2.0, 20.0, 1.5, 20.0
_SORTS = ("filename", "class", "size", "imported_at", "annotations")
_FILTERS = ("", "class=class+3", "label_state=labelled", "min_width=500&max_width=900", "class=class+3&format=PNG")
_QUERIES = [
    f"{chosen}&sort_by={sort}&sort_order={way}"
    for chosen in _FILTERS
    for sort, way in zip(_SORTS, ("asc", "desc", "asc", "desc", "asc"), strict=True)
]
_ROUNDS = 5


def main() -> int:
    """Measure and print; return 1 when a goal is missed."""
    with tempfile.TemporaryDirectory() as place:
        workspace = Workspace(Path(place))
        workspace.prepare()
        started = time.perf_counter()
        few, many = filled(workspace, _FEW), filled(workspace, IMAGES)
        print(f"{IMAGES:,} images generated in {time.perf_counter() - started:.0f} s", flush=True)
        app = application(workspace)
        good = [asyncio.run(_pages(app, few, many)), _appending(workspace, many), _editing(many), _rebuilding(many)]
    return 0 if all(good) else 1


async def _pages(app: Application, few: DatasetStore, many: DatasetStore) -> bool:
    """Ask for first, middle and last pages in every order under every filter, both datasets in turn."""
    before = psutil.Process().memory_info().rss
    ratios, seconds, first = [], [], []
    for query in _QUERIES:
        first.append(await _timed(app, many, query, 1))
        deepest = [max(1, await _total(app, dataset, query) // 50) for dataset in (few, many)]
        first.append(await _timed(app, many, query, deepest[1]))
        for share in (0.0, 0.5, 1.0):
            small, large = [], []
            for _ in range(_ROUNDS):
                small.append(await _timed(app, few, query, 1 + int(share * (deepest[0] - 1))))
                large.append(await _timed(app, many, query, 1 + int(share * (deepest[1] - 1))))
            ratios.append(statistics.median(large) / statistics.median(small))
            seconds += large
    grown = (psutil.Process().memory_info().rss - before) / 1e6
    ratio = statistics.median(ratios)
    good = ratio <= PAGE_RATIO and 1000 * _quantile(seconds, 0.95) <= PAGE_P95_MS
    print(
        f"page of 50 out of {IMAGES:,} to {_FEW:,}: ratio {ratio:.2f} (worst {max(ratios):.2f}), goal {PAGE_RATIO};"
        f" p50 {_ms(seconds, 0.5)}, p95 {_ms(seconds, 0.95)}, goal {PAGE_P95_MS:.0f} ms; a query asked for the first"
        f" time: p50 {_ms(first, 0.5)}, slowest {_ms(first, 1)}; memory grew by {grown:.0f} MB: {_verdict(good)}",
        flush=True,
    )
    return good


def _path(dataset: DatasetStore) -> str:
    return f"/api/datasets/{dataset.folder.parent.name}/images"


async def _timed(app: Application, dataset: DatasetStore, query: str, page: int) -> float:
    start = time.perf_counter()
    status, _ = await get(app, _path(dataset), f"{query}&page={page}&page_size=50")
    assert status == 200
    return time.perf_counter() - start


async def _total(app: Application, dataset: DatasetStore, query: str) -> int:
    _, body = await get(app, _path(dataset), f"{query}&page_size=1")
    return int(body.rsplit(b'"total":', 1)[1].split(b",")[0])


def _appending(workspace: Workspace, many: DatasetStore) -> bool:
    """Import small images, and for comparison records alone, into a new dataset and into the large one in turn."""
    whole: tuple[list[float], list[float]] = ([], [])
    alone: tuple[list[float], list[float]] = ([], [])
    with tempfile.TemporaryDirectory() as place:
        for number in range(3):
            folder = Path(place, str(number))
            images(folder, 1000, number)
            for seconds, dataset in zip(whole, (filled(workspace, 0), many), strict=True):
                seconds.append(_seconds(partial(imported, dataset, folder)))
            for seconds, dataset in zip(alone, (filled(workspace, 0), many), strict=True):
                seconds.append(_seconds(partial(append, dataset, 1000, 10_000_000 + 1000 * number)))
    to_none, to_many = (statistics.median(seconds) for seconds in whole)
    record_none, record_many = (1000 * statistics.median(seconds) for seconds in alone)
    good = to_many / to_none <= APPEND_RATIO
    print(
        f"appending 1,000 images to {IMAGES:,}: {to_many:.2f} s, to none {to_none:.2f} s,"
        f" ratio {to_many / to_none:.2f}, goal {APPEND_RATIO}"
        f" (their records alone: {record_many:.0f} ms against {record_none:.0f} ms): {_verdict(good)}",
        flush=True,
    )
    return good


def _editing(many: DatasetStore) -> bool:
    taken = []
    for line in many.chunks.lines(many.head().chunks[len(many.head().chunks) // 2].hash)[: 4 * _ROUNDS]:
        image_id = line_id(line)

        def edited(old: bytes, wanted: str = image_id) -> bytes:
            return old.replace(b'"class_id":', b'"class_id":1') if line_id(old) == wanted else old

        def edit(wanted: str = image_id, change: Callable[[bytes], bytes] = edited) -> None:
            places = set(many.index().places([wanted]).values())
            many.revise(lambda head: many.rewritten(head, places, change), reason="an edit")

        taken.append(1000 * _seconds(edit))
    middle = statistics.median(taken)
    print(
        f"one edit at {IMAGES:,}: {middle:.1f} ms (slowest {max(taken):.0f}), goal {EDIT_MS:.0f} ms:"
        f" {_verdict(middle <= EDIT_MS)}",
        flush=True,
    )
    return middle <= EDIT_MS


def _rebuilding(many: DatasetStore) -> bool:
    (many.folder / "index.sqlite").unlink()
    print(f"the index of {IMAGES:,} built anew: {_seconds(many.index):.1f} s", flush=True)
    return True


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _ms(values: list[float], share: float) -> str:
    return f"{1000 * _quantile(values, share):.1f} ms"


def _verdict(good: bool) -> str:
    return "ok" if good else "MISSED"


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
