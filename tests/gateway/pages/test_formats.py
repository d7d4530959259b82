"""How values and names are written for people."""

import pytest

from services.gateway.pages.formats import inline


@pytest.mark.parametrize(
    ("label", "expected"),
    [("Accuracy", "accuracy"), ("Median error", "median error"), ("mAP", "mAP"), ("R²", "R²"), ("MAE", "MAE")],
)
def test_only_words_become_small_within_a_sentence(label: str, expected: str) -> None:
    assert inline(label) == expected
