"""Splitting images into subsets: exact proportions in every stratum, the same on any machine."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_MIX_1, _MIX_2, _GAMMA = (np.uint64(value) for value in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0x9E3779B97F4A7C15))


def stratified(
    image_ids: Sequence[str], strata: npt.NDArray[np.int64], ratios: Sequence[float], seed: int
) -> npt.NDArray[np.int64]:
    """Return the subset of each image, as an index into `ratios`.

    Whole subsets are within one image of their share. So is each stratum, except that a stratum too small to be
    shared out gives its images to the subsets that still need some.

    Args:
        image_ids: n ids of 16 hex digits.
        strata: shape (n,), the stratum of each image, from 0.
        ratios: shares that add to 1.
        seed: decides who stands where, not how many.

    Returns:
        Shape (n,), int64.
    """
    shuffled = _order(image_ids, strata, seed)
    counts = np.bincount(strata, minlength=int(strata.max()) + 1 if len(strata) else 0)
    quotas = _quotas(counts, np.asarray(ratios, dtype=np.float64))
    assignment = np.empty(len(image_ids), dtype=np.int64)
    assignment[shuffled] = np.repeat(np.tile(np.arange(len(ratios)), len(counts)), quotas.ravel())
    return assignment


def _order(image_ids: Sequence[str], strata: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """Return the images by stratum, inside each in an order drawn from ids and seed alone.

    The draw is SplitMix64 (Steele, Lea and Flood, 2014) of id and seed rather than a library's generator, whose
    stream may change with its version, and it does not depend on the order of import.
    """
    keys = np.array([int(image_id, 16) for image_id in image_ids], dtype=np.uint64)
    with np.errstate(over="ignore"):
        mixed = keys ^ (np.uint64(seed) * _GAMMA + _GAMMA)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
        mixed ^= mixed >> np.uint64(31)
    return np.lexsort((keys, mixed, strata))


def _quotas(counts: npt.NDArray[np.int64], ratios: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return how many images of each stratum (rows) each subset (columns) gets.

    Every cell is rounded down, then what is left over goes out one by one. Strata with most left over choose first
    and take the subsets that lack most, which always comes out even (the greedy construction of the Gale-Ryser
    theorem); among equals the larger fraction wins.
    """
    shares = counts[:, None] * ratios[None, :]
    quotas = np.floor(shares + 1e-9).astype(np.int64)
    lacking = largest_remainder(int(counts.sum()), ratios) - quotas.sum(axis=0)
    left_over = counts - quotas.sum(axis=1)
    for row in np.lexsort((counts, -left_over)):
        fractions = shares[row] - quotas[row]
        for _ in range(int(left_over[row])):
            allowed = np.flatnonzero((ratios > 0) & (lacking > 0))
            best = max(allowed, key=lambda column: (fractions[column] > 0, lacking[column], fractions[column]))
            quotas[row, best] += 1
            lacking[best] -= 1
            fractions[best] -= 1
    return quotas


def largest_remainder(total: int, ratios: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return whole numbers in the proportions of `ratios` that add to `total` (Hamilton's method)."""
    shares = total * ratios
    whole = np.floor(shares + 1e-9).astype(np.int64)
    order = np.lexsort((np.arange(len(ratios)), -(shares - whole)))
    whole[order[: total - int(whole.sum())]] += 1
    return whole
