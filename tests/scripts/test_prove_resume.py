"""A small share of what `scripts.prove_resume` does."""

from pathlib import Path

import pytest

from scripts.prove_resume import prove


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_at_random_moments_a_training_ends_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AI_STUDIO_WORKSPACE", "AI_STUDIO_OFFLINE"):
        monkeypatch.setenv(name, "")
    assert prove(tmp_path, kills=4, seed=2, count=1) == []
