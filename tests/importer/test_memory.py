import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from services.importer.memory import Budget


def test_what_threads_hold_together_stays_within_the_total_and_a_larger_one_goes_alone() -> None:
    budget, lock, held, most, crowds = Budget(100), threading.Lock(), 0, 0, set[int]()
    inside: list[int] = []

    @contextmanager
    def counted(amount: int) -> Iterator[None]:
        nonlocal held, most
        with lock:
            held += min(amount, 100)
            inside.append(amount)
            most = max(most, held)
            if 250 in inside:
                crowds.add(len(inside))
        yield
        with lock:
            held -= min(amount, 100)
            inside.remove(amount)

    def work(amount: int) -> None:
        with budget.taking(amount), counted(amount):
            threading.Event().wait(0.001)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [1, 30, 60, 250, 99, 40] * 20))
    assert (most, crowds) == (100, {1})


def test_what_failed_gives_back_what_it_held() -> None:
    budget = Budget(10)
    for _ in range(3):
        with pytest.raises(ValueError, match="damaged"), budget.taking(10):
            raise ValueError("damaged")
    with budget.taking(10):
        pass
