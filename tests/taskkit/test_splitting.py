import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from shared.taskkit.splitting import largest_remainder, stratified

RATIOS = st.sampled_from([(0.8, 0.1, 0.1), (0.7, 0.3, 0.0), (1 / 3, 1 / 3, 1 / 3), (1.0, 0.0, 0.0), (0.5, 0.25, 0.25)])
STRATA = st.lists(st.integers(0, 6), max_size=300)


def ids(count: int) -> list[str]:
    return [f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}" for number in range(count)]


def split(strata: list[int], ratios: tuple[float, ...], seed: int = 1) -> np.ndarray:
    return stratified(ids(len(strata)), np.array(strata, dtype=np.int64), ratios, seed)


@given(STRATA, RATIOS, st.integers(0, 2**32 - 1))
def test_subsets_are_complete_and_within_one_image_of_their_share(
    strata: list[int], ratios: tuple[float, ...], seed: int
) -> None:
    places = split(strata, ratios, seed)
    counts = np.bincount(places, minlength=3)
    assert counts.sum() == len(strata)
    assert np.all(np.abs(counts - len(strata) * np.array(ratios)) < 1)
    assert not counts[np.array(ratios) == 0].any()


@given(STRATA, RATIOS)
def test_every_class_is_within_one_image_of_its_share(strata: list[int], ratios: tuple[float, ...]) -> None:
    places = split(strata, ratios)
    for stratum in set(strata):
        members = places[np.array(strata) == stratum]
        shares = len(members) * np.array(ratios)
        assert np.all(np.abs(np.bincount(members, minlength=3) - shares) <= 1 + 1e-9)


def test_the_same_seed_gives_the_same_split_whatever_the_order_of_import() -> None:
    names, strata = ids(100), [number % 3 for number in range(100)]
    order = list(reversed(range(100)))
    first = stratified(names, np.array(strata), (0.8, 0.1, 0.1), 7)
    second = stratified([names[i] for i in order], np.array([strata[i] for i in order]), (0.8, 0.1, 0.1), 7)
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
