"""How much memory images that are read at the same time may take together."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Budget:
    """Bytes that threads share. One that needs more than there are gets all of them, and so goes alone."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._taken = 0
        self._changed = threading.Condition()

    @contextmanager
    def taking(self, amount: int) -> Iterator[None]:
        """Hold so many bytes while something is done; waits until there are as many."""
        share = min(amount, self._total)
        with self._changed:
            self._changed.wait_for(lambda: self._taken + share <= self._total)
            self._taken += share
        try:
            yield
        finally:
            with self._changed:
                self._taken -= share
                self._changed.notify_all()
