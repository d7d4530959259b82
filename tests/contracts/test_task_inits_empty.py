"""Importing a task's package must load nothing: its torch side would come along."""

import pytest

from shared.taskkit.registry import task_ids
from tests.contracts.sources import ROOT

TASKS = ROOT / "shared" / "tasks"


@pytest.mark.parametrize("task_id", task_ids())
def test_the_init_of_a_task_is_empty(task_id: str):
    assert (TASKS / task_id / "__init__.py").read_text() == ""


@pytest.mark.parametrize("task_id", task_ids())
def test_a_task_has_its_two_required_parts(task_id: str):
    missing = [name for name in ("spec.py", "runtime.py") if not (TASKS / task_id / name).is_file()]
    assert not missing
