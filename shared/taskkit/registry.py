"""Finds the tasks. The only place that knows where they are, and it knows no task by name."""

import pkgutil
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from shared.errors import NotFound
from shared.taskkit.spec import TaskSpec

if TYPE_CHECKING:
    from shared.taskkit.runtime import TaskRuntime

_PACKAGE = "shared.tasks"
LightPart = Literal["importing", "overlay", "views"]


@lru_cache(maxsize=1)
def task_ids() -> tuple[str, ...]:
    """Return the ids of all tasks: the folders below `shared/tasks`."""
    folders = import_module(_PACKAGE).__path__
    return tuple(sorted(item.name for item in pkgutil.iter_modules(folders) if item.ispkg))


def specs() -> list[TaskSpec]:
    """Return the specs of all tasks."""
    return [spec(task_id) for task_id in task_ids()]


def spec(task_id: str) -> TaskSpec:
    """Return a task's spec or raise `NotFound`."""
    if task_id not in task_ids():
        known = ", ".join(task_ids())
        raise NotFound("task_not_found", f"There is no task {task_id[:40]!r}.", hint=f"Choose one of: {known}.")
    found = import_module(f"{_PACKAGE}.{task_id}.spec").SPEC
    assert isinstance(found, TaskSpec)
    return found


def part(task_id: str, name: LightPart) -> ModuleType | None:
    """Return an optional light module of a task."""
    path = f"{_PACKAGE}.{spec(task_id).id}.{name}"
    return import_module(path) if find_spec(path) else None


def template_folders() -> dict[str, Path]:
    """Return the template folder of every task that has one, by task id."""
    root = Path(import_module(_PACKAGE).__path__[0])
    return {task_id: root / task_id / "templates" for task_id in task_ids() if (root / task_id / "templates").is_dir()}


def runtime(task_id: str) -> "TaskRuntime":
    """Return a task's torch side. Only workers call this."""
    made: TaskRuntime = import_module(f"{_PACKAGE}.{spec(task_id).id}.runtime").RUNTIME
    return made
