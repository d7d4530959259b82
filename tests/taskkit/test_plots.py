"""Charts of any numbers a dataset can have."""

import pytest

from shared.taskkit import plots


@pytest.mark.parametrize("value", [0.0, 1.0, -3.5, 5e15, 1e18, -1e29, 1e-29])
def test_numbers_that_are_all_the_same_have_a_chart(value):
    made = plots.bars([6, 0, 0], value, value)
    assert [bar.count for bar in made.bars] == [6, 0, 0]
    assert all(0 <= tick.at <= 1 for tick in made.ticks)
    axis = plots.axis([value, value])
    assert 0 <= axis.share(value) <= 1


@pytest.mark.parametrize(("low", "high"), [(0.0, 1e-29), (-1e30, 1e30), (1.7e9, 1.7e9 + 90), (0.3, 0.7)])
def test_ticks_are_few_and_inside(low, high):
    ticks = plots.axis([low, high]).ticks
    assert 2 <= len(ticks) <= 8
    assert all(0 <= tick.at <= 1 for tick in ticks)
