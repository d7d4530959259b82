"""Orders of images that were asked for lately: a deep page then costs no more than the first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

import numpy as np
import numpy.typing as npt

Order = npt.NDArray[np.uint32]
"""Positions of images."""
_MOST_BYTES: Final = 48 * 1024**2


class Orders:
    """A few orders by what they are of; the one not used for longest goes first."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most = most_bytes
        self._known: OrderedDict[Hashable, Order] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def known(self, key: Hashable) -> bool:
        """Whether the order of `key` is remembered."""
        return key in self._known

    def get(self, key: Hashable, find: Callable[[], Order]) -> Order:
        """Return the order of `key`, found now unless it is remembered."""
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = find()
        with self._lock:
            self._bytes += found.nbytes - (self._known[key].nbytes if key in self._known else 0)
            self._known[key] = found
            while self._bytes > self._most:
                self._bytes -= self._known.popitem(last=False)[1].nbytes
        return found


orders = Orders()
