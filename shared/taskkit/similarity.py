"""Near duplicates: images whose perceptual hashes differ in few bits, found without comparing each with each."""

import numpy as np
import numpy.typing as npt

NEAR = 3
"""Bits of 64 in which near duplicates differ at most: the same picture encoded anew, scaled, or the next frame."""
_PIECES = NEAR + 1
_FEW = 256
"""Hashes that agree in a piece are compared one by one up to this many; more are told apart by their other bits."""
_FEWEST_BITS = 16
_MOST = 200_000
_COMPARED = 512
_SAY_NOTHING = np.array([0, 2**64 - 1], dtype=np.uint64)
"""The hashes of images without any structure, such as plain grounds."""

Places = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


def clusters(hashes: Hashes, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the cluster of each image: two near duplicates share one, and so do all that a chain of them connects.

    Hashes at most `NEAR` bits apart agree in at least one of `NEAR` + 1 pieces, so that only those that agree in a
    piece are compared (the pigeonhole idea of Manku, Jain and Das Sarma, 2007). 100,000 hashes take a second.

    Args:
        hashes: shape (n,).
        known: shape (n,), whether an image has a hash. One without is alone; so is one whose hash is all zeros or all
            ones, which a plain ground has.

    Returns:
        Shape (n,), from 0 without gaps.
    """
    telling = np.flatnonzero(known & ~np.isin(hashes, _SAY_NOTHING))
    values, codes = np.unique(hashes[telling], return_inverse=True)
    labels = len(values) + np.arange(len(hashes))
    links = _Links(len(values))
    links.connect(np.arange(len(values)), values, 64)
    labels[telling] = links.roots(np.arange(len(values)))[codes]
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def closest(hashes: Hashes, sides: npt.NDArray[np.int64]) -> tuple[int, int, int]:
    """Return two images of one cluster that stand on different sides and look most alike, and how many bits differ.

    Args:
        hashes: shape (n,).
        sides: shape (n,), at least two different values. Of many images the first few hundred of each are looked at.
    """
    first = np.flatnonzero(sides == sides[0])[:_COMPARED]
    second = np.flatnonzero(sides != sides[0])[:_COMPARED]
    distances = np.bitwise_count(hashes[first][:, None] ^ hashes[second][None, :])
    row, column = np.unravel_index(np.argmin(distances), distances.shape)
    return int(first[row]), int(second[column]), int(distances[row, column])


class _Links:
    """Which places are connected: each names another one of its cluster, the smallest names itself (union-find)."""

    def __init__(self, count: int) -> None:
        self._above = np.arange(count)

    def roots(self, places: Places) -> Places:
        """Return the smallest place that each is connected with."""
        found = self._above[places]
        while np.any((higher := self._above[found]) != found):
            found = higher
        self._above[places] = found
        return found

    def connect(self, places: Places, values: Hashes, bits: int) -> None:
        """Join all places whose values of `bits` bits are near."""
        width = bits // _PIECES
        for piece in range(_PIECES):
            shift = piece * width
            size = width if piece + 1 < _PIECES else bits - shift
            keys = (values >> np.uint64(shift)) & np.uint64(2**size - 1)
            order = np.argsort(keys, kind="stable")
            starts = np.flatnonzero(np.diff(keys[order], prepend=~keys[order[:1]]))
            ends = np.append(starts[1:], len(order))
            deep = (ends - starts > _FEW) & (bits - size >= _FEWEST_BITS)
            self._compare(places[order], values[order], np.repeat(np.where(deep, 0, ends), ends - starts))
            for start, end in zip(starts[deep], ends[deep], strict=True):
                members = order[start:end]
                self._connect_many(places[members], _without(values[members], shift, size), bits - size)

    def _join(self, ones: Places, others: Places) -> None:
        while True:
            first, second = self.roots(ones), self.roots(others)
            apart = first != second
            if not apart.any():
                return
            ones, others, first, second = ones[apart], others[apart], first[apart], second[apart]
            np.minimum.at(self._above, np.maximum(first, second), np.minimum(first, second))

    def _compare(self, places: Places, values: Hashes, ends: Places) -> None:
        """Join near neighbours; `ends` says of each where those that share its piece end."""
        here = np.arange(len(places))
        step = 0
        ones, others = [here[:0]], [here[:0]]
        while len(here := here[here + step + 1 < ends[here]]):
            step += 1
            near = here[np.bitwise_count(values[here] ^ values[here + step]) <= NEAR]
            ones.append(places[near])
            others.append(places[near + step])
        self._join(np.concatenate(ones), np.concatenate(others))

    def _connect_many(self, places: Places, values: Hashes, bits: int) -> None:
        """Join all that are near; where so many share a piece, most are nearly equal, and joined without comparing."""
        if len(places) <= _MOST:
            self._join_nearest(places, values, bits)
        if np.any((roots := self.roots(places)) != roots[0]):
            self.connect(places, values, bits)

    def _join_nearest(self, places: Places, values: Hashes, bits: int) -> None:
        """Join places whose values differ in up to two bits: changing one bit of each makes them equal."""
        flips = np.append(np.uint64(0), np.uint64(1) << np.arange(bits, dtype=np.uint64))
        changed = (values[:, None] ^ flips).ravel()
        order = np.argsort(changed)
        equal = np.flatnonzero(changed[order[1:]] == changed[order[:-1]])
        self._join(places[order[equal] // len(flips)], places[order[equal + 1] // len(flips)])


def _without(values: Hashes, shift: int, size: int) -> Hashes:
    """Return values with `size` bits from `shift` on cut out."""
    low = values & np.uint64(2**shift - 1)
    high = np.uint64(0) if shift + size == 64 else (values >> np.uint64(shift + size)) << np.uint64(shift)
    return high | low
