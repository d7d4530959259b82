import random
import time

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from shared.taskkit.splitting import grouped, keys_of, largest_remainder, stratified

FOLDS = (0.16, 0.16, 0.16, 0.16, 0.16, 0.2)
RATIOS = st.sampled_from(
    [(0.8, 0.1, 0.1), (0.7, 0.3, 0.0), (1 / 3, 1 / 3, 1 / 3), (1.0, 0.0, 0.0), (0.5, 0.25, 0.25), FOLDS]
)
STRATA = st.lists(st.integers(0, 6), max_size=300)


def ids(count: int) -> list[str]:
    return [f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}" for number in range(count)]


def split(strata: list[int], ratios: tuple[float, ...], seed: int = 1) -> np.ndarray:
    return stratified(keys_of(ids(len(strata))), np.array(strata, dtype=np.int64), ratios, seed)


@given(STRATA, RATIOS, st.integers(0, 2**32 - 1))
def test_subsets_are_complete_and_within_one_image_of_their_share(
    strata: list[int], ratios: tuple[float, ...], seed: int
) -> None:
    places = split(strata, ratios, seed)
    counts = np.bincount(places, minlength=len(ratios))
    assert counts.sum() == len(strata)
    assert np.all(np.abs(counts - len(strata) * np.array(ratios)) < 1)
    assert not counts[np.array(ratios) == 0].any()


@given(STRATA, RATIOS)
def test_every_class_is_within_one_image_of_its_share(strata: list[int], ratios: tuple[float, ...]) -> None:
    places = split(strata, ratios)
    for stratum in set(strata):
        members = places[np.array(strata) == stratum]
        shares = len(members) * np.array(ratios)
        assert np.all(np.abs(np.bincount(members, minlength=len(ratios)) - shares) <= 1 + 1e-9)


def test_the_same_seed_gives_the_same_split_whatever_the_order_of_import() -> None:
    names, strata = ids(100), [number % 3 for number in range(100)]
    order = list(reversed(range(100)))
    first = stratified(keys_of(names), np.array(strata), (0.8, 0.1, 0.1), 7)
    second = stratified(keys_of([names[i] for i in order]), np.array([strata[i] for i in order]), (0.8, 0.1, 0.1), 7)
    assert [first[i] for i in order] == list(second)


def splitmix64(value: int) -> int:
    """The reference in plain integers, which no library version can change."""
    mask = 2**64 - 1
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
    return value ^ (value >> 31)


def test_the_split_is_the_same_on_every_machine() -> None:
    names, seed, gamma = ids(10), 42, 0x9E3779B97F4A7C15
    salt = (seed * gamma + gamma) % 2**64
    drawn = sorted(names, key=lambda name: splitmix64(int(name, 16) ^ salt))
    expected = {name: (0 if place < 6 else 1 if place < 8 else 2) for place, name in enumerate(drawn)}
    assert split([0] * 10, (0.6, 0.2, 0.2), seed).tolist() == [expected[name] for name in names]


def test_another_seed_gives_another_split() -> None:
    assert split([0] * 200, (0.5, 0.5, 0.0), 1).tolist() != split([0] * 200, (0.5, 0.5, 0.0), 2).tolist()


def test_largest_remainder() -> None:
    assert largest_remainder(10, np.array([0.8, 0.1, 0.1])).tolist() == [8, 1, 1]
    assert largest_remainder(7, np.array([1 / 3, 1 / 3, 1 / 3])).tolist() == [3, 2, 2]
    assert largest_remainder(0, np.array([1.0, 0.0, 0.0])).tolist() == [0, 0, 0]


MEMBERS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), max_size=200)


def split_groups(
    members: list[tuple[int, int]], ratios: tuple[float, ...], seed: int = 1, names: list[str] | None = None
) -> np.ndarray:
    """Split images given as (group, stratum); groups are renumbered without gaps."""
    groups = np.unique([group for group, _ in members], return_inverse=True)[1].astype(np.int64)
    strata = np.array([stratum for _, stratum in members], dtype=np.int64)
    return grouped(keys_of(names or ids(len(members))), strata, groups, ratios, seed)


@given(MEMBERS, RATIOS, st.integers(0, 2**32 - 1))
def test_groups_stay_whole_and_every_image_has_a_place(
    members: list[tuple[int, int]], ratios: tuple[float, ...], seed: int
) -> None:
    places = split_groups(members, ratios, seed)
    assert places.shape == (len(members),)
    assert not set(places.tolist()) & {index for index, ratio in enumerate(ratios) if ratio == 0}
    found: dict[int, set[int]] = {}
    for (group, _), place in zip(members, places.tolist(), strict=True):
        found.setdefault(group, set()).add(place)
    assert all(len(subsets) == 1 for subsets in found.values())
    wanted = sum(ratio > 0 for ratio in ratios)
    assert len(set(places.tolist())) == min(wanted, len(found)), "no subset is empty while groups could fill it"


@given(MEMBERS, RATIOS)
def test_shares_are_as_close_as_groups_allow(members: list[tuple[int, int]], ratios: tuple[float, ...]) -> None:
    places = split_groups([(group, 0) for group, _ in members], ratios)
    largest = max(np.bincount([group for group, _ in members]), default=0)
    assert np.all(np.abs(np.bincount(places, minlength=len(ratios)) - len(members) * np.array(ratios)) <= 2 * largest)


@given(st.lists(st.integers(0, 6), min_size=20, max_size=300), RATIOS)
def test_groups_of_one_image_are_as_good_as_none(strata: list[int], ratios: tuple[float, ...]) -> None:
    assert split_groups(list(enumerate(strata)), ratios).tolist() == split(strata, ratios).tolist()


@given(st.lists(st.integers(0, 3), min_size=50, max_size=200), RATIOS)
def test_single_images_even_out_what_groups_left_uneven(strata: list[int], ratios: tuple[float, ...]) -> None:
    members = [*((0, 0) for _ in range(5)), *((1, 0) for _ in range(3)), *enumerate(strata, 2)]
    counts = np.bincount(split_groups(members, ratios), minlength=len(ratios))
    assert np.all(np.abs(counts - len(members) * np.array(ratios)) <= 3)


def test_keys_are_the_ids_as_numbers() -> None:
    assert keys_of(["00000000000000ff", "ffffffffffffffff"]).tolist() == [255, 2**64 - 1]
    assert keys_of([]).tolist() == []


@given(MEMBERS, RATIOS, st.randoms(use_true_random=False))
def test_groups_are_placed_alike_whatever_the_order_of_import(
    members: list[tuple[int, int]], ratios: tuple[float, ...], chance: random.Random
) -> None:
    names = ids(len(members))
    order = list(range(len(members)))
    chance.shuffle(order)
    first = split_groups(members, ratios, 7, names)
    second = split_groups([members[i] for i in order], ratios, 7, [names[i] for i in order])
    assert [first[i] for i in order] == second.tolist()


def test_whole_groups_keep_the_strata_in_proportion() -> None:
    chance = np.random.default_rng(0)
    members = [(group, group % 3) for group in range(300) for _ in range(chance.integers(1, 30))]
    places, strata = split_groups(members, (0.7, 0.2, 0.1)), np.array([stratum for _, stratum in members])
    for stratum in range(3):
        shares = np.bincount(places[strata == stratum], minlength=3) / np.count_nonzero(strata == stratum)
        assert np.allclose(shares, (0.7, 0.2, 0.1), atol=0.01)


def test_large_groups_are_not_all_learned_from() -> None:
    members = [(group, 0) for group in range(100) for _ in range(group + 1)]
    places = split_groups(members, (0.8, 0.1, 0.1))
    place_of = {group: place for (group, _), place in zip(members, places.tolist(), strict=True)}
    sizes = [[group + 1 for group, place in place_of.items() if place == subset] for subset in range(3)]
    assert all(max(found) > 60 and min(found) < 30 for found in sizes)


def test_another_seed_places_groups_of_different_sizes_otherwise() -> None:
    members = [(group, 0) for group in range(100) for _ in range(group + 1)]
    assert split_groups(members, (0.8, 0.1, 0.1), 1).tolist() != split_groups(members, (0.8, 0.1, 0.1), 2).tolist()


def test_a_hundred_thousand_groups_take_seconds() -> None:
    members = [(group, group % 20) for group in range(100_000) for _ in range(2)]
    started = time.monotonic()
    places = split_groups(members, (0.8, 0.1, 0.1))
    assert time.monotonic() - started < 20
    assert np.bincount(places).tolist() == [160_000, 20_000, 20_000]
