"""Splitting images into subsets: exact proportions in every stratum, or groups kept whole; the same on any machine."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_MIX_1, _MIX_2, _GAMMA = (np.uint64(value) for value in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0x9E3779B97F4A7C15))


def keys_of(image_ids: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Return ids of 16 hex digits as numbers."""
    return np.frombuffer(bytes.fromhex("".join(image_ids)), dtype=">u8").astype(np.uint64)


def stratified(
    keys: npt.NDArray[np.uint64], strata: npt.NDArray[np.int64], ratios: Sequence[float], seed: int
) -> npt.NDArray[np.int64]:
    """Return the subset of each image, as an index into `ratios`.

    Whole subsets are within one image of their share. So is each stratum, except that a stratum too small to be
    shared out gives its images to the subsets that still need some.

    Args:
        keys: shape (n,), the ids as numbers, all different; see `keys_of`.
        strata: shape (n,), the stratum of each image, from 0.
        ratios: shares that add to 1.
        seed: decides who stands where, not how many.

    Returns:
        Shape (n,), int64.
    """
    counts = np.bincount(strata)
    shares = counts[:, None].astype(np.float64) * np.asarray(ratios, dtype=np.float64)
    return _dealt(_draws(keys, seed), strata, _quotas(counts, shares))


def grouped(
    keys: npt.NDArray[np.uint64],
    strata: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    ratios: Sequence[float],
    seed: int,
) -> npt.NDArray[np.int64]:
    """Return the subset of each image, as an index into `ratios`; all images of a group stand in the same one.

    Groups are placed one after the other, large ones first, each where it raises Pearson's chi-square between the
    images that stand in the subsets and those that should least. The sum has a term for every stratum and one for all
    images together, which weighs as much as the strata do. It follows the greedy idea of scikit-learn's
    `StratifiedGroupKFold`, extended to subsets of different sizes. Images that are alone in their group come last and
    even out what the groups left uneven. A subset that would be empty gets the smallest group of those that have
    several. With a single stratum, no other subset exceeds its share by as much as the largest group.

    Args:
        keys: shape (n,), the ids as numbers, all different; see `keys_of`.
        strata: shape (n,), the stratum of each image, from 0.
        groups: shape (n,), the group of each image, from 0 without gaps.
        ratios: shares that add to 1.
        seed: decides the order among groups of like size.

    Returns:
        Shape (n,), int64.
    """
    if not len(keys):
        return np.empty(0, dtype=np.int64)
    draws = _draws(keys, seed)
    sizes = np.bincount(groups)
    order = _group_order(draws, groups, sizes)
    several = order[sizes[order] > 1]
    wanted = np.flatnonzero(ratios)
    shares = np.asarray(ratios, dtype=np.float64)[wanted]
    places = np.full(len(sizes), -1, dtype=np.int64)
    filled = _place(places, several, strata, groups, shares)
    alone = np.flatnonzero(sizes[groups] == 1)
    places[groups[alone]] = _even_out(filled, draws[alone], strata[alone], shares)
    _fill_empty(places, order[np.argsort(-sizes[order], kind="stable")], len(wanted))
    return wanted[places[groups]]


def _group_order(
    draws: npt.NDArray[np.uint64], groups: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the groups, those of a larger power of two first, in the order of their images' smallest draws.

    Exact sizes would leave nothing to the seed where no two groups have as many images.
    """
    first = np.full(len(sizes), np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(first, groups, draws)
    return np.lexsort((first, -np.frexp(sizes)[1]))


def _place(
    places: npt.NDArray[np.int64],
    order: npt.NDArray[np.int64],
    strata: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    ratios: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Set in `places` the subset of each group of `order`; return how many images of each stratum (columns) it has.

    All images together are one more stratum, behind the others.
    """
    totals = np.bincount(strata)
    present = np.count_nonzero(totals)
    scale = np.append(np.maximum(totals, 1), len(strata) / present)
    cells, counts = _cells(groups, strata, len(totals))
    starts = np.searchsorted(cells[0], np.arange(len(places) + 1))
    filled = np.zeros((len(ratios), len(scale)))
    for group in order:
        mine = slice(starts[group], starts[group + 1])
        kinds = np.append(cells[1, mine], len(totals))
        added = np.append(counts[mine], counts[mine].sum())
        cost = ((filled[:, kinds] + added / 2) * (added / scale[kinds])).sum(axis=1) / ratios
        place = np.argmin(cost.round(9))
        filled[place, kinds] += added
        places[group] = place
    return filled[:, :-1]


def _cells(
    groups: npt.NDArray[np.int64], strata: npt.NDArray[np.int64], width: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the pairs of group and stratum there are, shape (2, m), in order, and the images of each."""
    pairs, counts = np.unique(groups * width + strata, return_counts=True)
    return np.stack(np.divmod(pairs, width)), counts


def _even_out(
    filled: npt.NDArray[np.float64],
    draws: npt.NDArray[np.uint64],
    strata: npt.NDArray[np.int64],
    ratios: npt.NDArray[np.float64],
) -> npt.NDArray[np.int64]:
    """Return the subset of each single image, given how many of each stratum (columns) the subsets (rows) have.

    What a stratum lacks decides in which proportions its single images are dealt out; first what the subsets lack.
    """
    counts = np.bincount(strata, minlength=filled.shape[1])
    lacking = np.maximum((filled.sum(axis=0) + counts)[:, None] * ratios - filled.T, 0)
    sums = lacking.sum(axis=1, keepdims=True)
    shares = counts[:, None] * np.divide(lacking, sums, out=np.tile(ratios, (len(counts), 1)), where=sums > 0)
    return _dealt(draws, strata, _quotas(counts, shares))


def _fill_empty(places: npt.NDArray[np.int64], largest_first: npt.NDArray[np.int64], subsets: int) -> None:
    """Give each subset without a group the smallest one that leaves its subset with another."""
    for empty in np.flatnonzero(np.bincount(places, minlength=subsets) == 0):
        several = np.bincount(places, minlength=subsets)[places[largest_first]] > 1
        if several.any():
            places[largest_first[several][-1]] = empty


def _dealt(
    draws: npt.NDArray[np.uint64], strata: npt.NDArray[np.int64], quotas: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the subset of each image: of each stratum (rows of `quotas`) the first ones drawn stand in the first."""
    drawn = np.argsort(draws)
    # Numbers of 16 bits are sorted by radix, several times faster.
    small = strata.astype(np.uint16) if len(quotas) < 2**16 else strata
    shuffled = drawn[np.argsort(small[drawn], kind="stable")]
    assignment = np.empty(len(draws), dtype=np.int64)
    assignment[shuffled] = np.repeat(np.tile(np.arange(quotas.shape[1]), len(quotas)), quotas.ravel())
    return assignment


def _draws(keys: npt.NDArray[np.uint64], seed: int) -> npt.NDArray[np.uint64]:
    """Return the number drawn for each id; different ids draw different numbers.

    The draw is SplitMix64 (Steele, Lea and Flood, 2014) of id and seed rather than a library's generator, whose
    stream may change with its version, and it does not depend on the order of import.
    """
    with np.errstate(over="ignore"):
        mixed = keys ^ (np.uint64(seed) * _GAMMA + _GAMMA)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
        mixed ^= mixed >> np.uint64(31)
    return mixed


def _quotas(counts: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return how many images of each stratum (rows) each subset (columns) gets, near to `shares` of the same shape.

    Every cell is rounded down, then what is left over goes out one by one. Strata with most left over choose first
    and take the subsets that lack most, which always comes out even (the greedy construction of the Gale-Ryser
    theorem); among equals the larger fraction wins.
    """
    quotas = np.floor(shares + 1e-9).astype(np.int64)
    wanted = shares.sum(axis=0)
    lacking = _rounded(int(counts.sum()), wanted) - quotas.sum(axis=0)
    left_over = counts - quotas.sum(axis=1)
    for row in np.lexsort((counts, -left_over)):
        fractions = shares[row] - quotas[row]
        for _ in range(int(left_over[row])):
            allowed = np.flatnonzero((wanted > 0) & (lacking > 0))
            best = max(allowed, key=lambda column: (fractions[column] > 0, lacking[column], fractions[column]))
            quotas[row, best] += 1
            lacking[best] -= 1
            fractions[best] -= 1
    return quotas


def largest_remainder(total: int, ratios: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return whole numbers in the proportions of `ratios` that add to `total` (Hamilton's method)."""
    return _rounded(total, total * ratios)


def _rounded(total: int, shares: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    whole = np.floor(shares + 1e-9).astype(np.int64)
    order = np.lexsort((np.arange(len(shares)), -(shares - whole)))
    whole[order[: total - int(whole.sum())]] += 1
    return whole
