import time

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from shared.taskkit.similarity import NEAR, closest, clusters

HASHES = st.lists(
    st.tuples(st.integers(0, 3), st.lists(st.integers(0, 63), max_size=5)),
    max_size=60,
)
GROUNDS = np.random.default_rng(0).integers(1, 2**64 - 1, 4, dtype=np.uint64)


def flipped(ground: int, bits: list[int]) -> int:
    value = int(GROUNDS[ground])
    for bit in bits:
        value ^= 1 << bit
    return value


def by_comparing_all(hashes: list[int]) -> set[frozenset[int]]:
    """The reference: what is near is joined, pair by pair."""
    found: list[set[int]] = []
    for place, value in enumerate(hashes):
        near = [group for group in found if any((value ^ hashes[other]).bit_count() <= NEAR for other in group)]
        found = [group for group in found if group not in near] + [set().union({place}, *near)]
    return {frozenset(group) for group in found}


def found_clusters(hashes: np.ndarray, known: np.ndarray | None = None) -> set[frozenset[int]]:
    labels = clusters(hashes, np.ones(len(hashes), dtype=bool) if known is None else known)
    assert set(labels.tolist()) == set(range(len(set(labels.tolist()))))
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}


@given(HASHES)
def test_clusters_are_those_that_comparing_each_with_each_finds(given_hashes: list[tuple[int, list[int]]]) -> None:
    hashes = [flipped(*item) for item in given_hashes]
    assert found_clusters(np.array(hashes, dtype=np.uint64)) == by_comparing_all(hashes)


def test_many_hashes_that_share_a_piece_are_told_apart_as_well() -> None:
    chance = np.random.default_rng(1)
    hashes = np.uint64(0xABCD) | (chance.integers(0, 2**48, 700, dtype=np.uint64) << np.uint64(16))
    hashes[350:] = hashes[:350] ^ (np.uint64(0b111) << chance.integers(16, 60, 350, dtype=np.uint64))
    assert found_clusters(hashes) == by_comparing_all([int(value) for value in hashes])


def test_an_image_without_a_hash_or_of_a_plain_ground_stands_for_itself() -> None:
    hashes = np.array([5, 5, 0, 0, 2**64 - 1, 2**64 - 1], dtype=np.uint64)
    known = np.array([True, False, True, True, True, True])
    assert found_clusters(hashes, known) == {frozenset({place}) for place in range(6)}
    assert found_clusters(np.array([5, 5], dtype=np.uint64)) == {frozenset({0, 1})}
    assert clusters(np.empty(0, dtype=np.uint64), np.empty(0, dtype=bool)).shape == (0,)


def test_a_hundred_thousand_hashes_take_seconds_also_when_most_are_of_few_scenes() -> None:
    chance = np.random.default_rng(2)
    scattered = chance.integers(0, 2**64, 50_000, dtype=np.uint64)
    scenes = scattered[:20][chance.integers(0, 20, 50_000)]
    for _ in range(2):
        scenes = scenes ^ (np.uint64(1) << chance.integers(0, 64, 50_000, dtype=np.uint64))
    hashes = np.concatenate([scattered, scenes])
    started = time.monotonic()
    labels = clusters(hashes, np.ones(len(hashes), dtype=bool))
    assert time.monotonic() - started < 20
    assert labels.max() + 1 == 50_000


def test_the_closest_images_of_different_sides() -> None:
    hashes = np.array([0b0000, 0b1111, 0b0001, 0b0111], dtype=np.uint64)
    assert closest(hashes, np.array([0, 0, 1, 1])) == (0, 2, 1)
    assert closest(hashes, np.array([2, 1, 1, 1])) == (0, 2, 1)
