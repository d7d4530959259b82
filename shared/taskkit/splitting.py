"""Splitting images into subsets: exact proportions in every stratum, or groups kept whole; the same on any machine."""

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


def grouped(
    image_ids: Sequence[str],
    strata: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    ratios: Sequence[float],
    seed: int,
) -> npt.NDArray[np.int64]:
    """Return the subset of each image, as an index into `ratios`; all images of a group stand in the same one.

    Groups are placed one after the other, large ones first, each where it raises Pearson's chi-square between the
    images that stand in the subsets and those that should least. The sum has a term for every stratum and one for all
    images together, which weighs as much as the strata do. It follows the greedy idea of scikit-learn's
    `StratifiedGroupKFold`, extended to subsets of different sizes. A subset that would be empty gets the smallest
    group of those that have several. With a single stratum, no other subset exceeds its share by as much as the
    largest group.

    Args:
        image_ids: n ids of 16 hex digits.
        strata: shape (n,), the stratum of each image, from 0.
        groups: shape (n,), the group of each image, from 0 without gaps.
        ratios: shares that add to 1.
        seed: decides the order among groups of like size.

    Returns:
        Shape (n,), int64.
    """
    if not len(image_ids):
        return np.empty(0, dtype=np.int64)
    sizes = np.bincount(groups)
    order = _group_order(image_ids, groups, sizes, seed)
    wanted = np.flatnonzero(ratios)
    places = _place(order, strata, groups, np.asarray(ratios, dtype=np.float64)[wanted])
    _fill_empty(places, order[np.argsort(-sizes[order], kind="stable")], len(wanted))
    return wanted[places[groups]]


def _group_order(
    image_ids: Sequence[str], groups: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], seed: int
) -> npt.NDArray[np.int64]:
    """Return the groups, those of a larger power of two first, in the order of their images' smallest draws.

    Exact sizes would leave nothing to the seed where no two groups have as many images.
    """
    draws = _draws(image_ids, seed)[1]
    first = np.full(len(sizes), np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(first, groups, draws)
    return np.lexsort((first, -np.frexp(sizes)[1]))


def _place(
    order: npt.NDArray[np.int64],
    strata: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    ratios: npt.NDArray[np.float64],
) -> npt.NDArray[np.int64]:
    """Return the subset of each group. All images together are one more stratum, behind the others."""
    totals = np.bincount(strata)
    present = np.count_nonzero(totals)
    scale = np.append(np.maximum(totals, 1), len(strata) / present)
    cells, counts = np.unique(np.stack([groups, strata]), axis=1, return_counts=True)
    starts = np.searchsorted(cells[0], np.arange(len(order) + 1))
    filled = np.zeros((len(ratios), len(scale)))
    places = np.empty(len(order), dtype=np.int64)
    for group in order:
        mine = slice(starts[group], starts[group + 1])
        kinds = np.append(cells[1, mine], len(totals))
        added = np.append(counts[mine], counts[mine].sum())
        cost = ((filled[:, kinds] + added / 2) * (added / scale[kinds])).sum(axis=1) / ratios
        place = np.argmin(cost.round(9))
        filled[place, kinds] += added
        places[group] = place
    return places


def _fill_empty(places: npt.NDArray[np.int64], largest_first: npt.NDArray[np.int64], subsets: int) -> None:
    """Give each subset without a group the smallest one that leaves its subset with another."""
    for empty in np.flatnonzero(np.bincount(places, minlength=subsets) == 0):
        several = np.bincount(places, minlength=subsets)[places[largest_first]] > 1
        if several.any():
            places[largest_first[several][-1]] = empty


def _order(image_ids: Sequence[str], strata: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """Return the images by stratum, inside each in an order drawn from ids and seed alone."""
    keys, mixed = _draws(image_ids, seed)
    return np.lexsort((keys, mixed, strata))


def _draws(image_ids: Sequence[str], seed: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return ids as numbers, and the number drawn for each.

    The draw is SplitMix64 (Steele, Lea and Flood, 2014) of id and seed rather than a library's generator, whose
    stream may change with its version, and it does not depend on the order of import.
    """
    keys = np.array([int(image_id, 16) for image_id in image_ids], dtype=np.uint64)
    with np.errstate(over="ignore"):
        mixed = keys ^ (np.uint64(seed) * _GAMMA + _GAMMA)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
        mixed ^= mixed >> np.uint64(31)
    return keys, mixed


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
