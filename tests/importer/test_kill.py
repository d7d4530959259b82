"""A killed import leaves the dataset as it was, wherever the kill hits, and the next one finds a clean place."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.importer import leftovers
from services.importer.run import work
from shared.bus.run import Run
from shared.schemas.dataset import ImageRecord
from shared.schemas.project import Project
from shared.store.lifecycle import Claim, Lose
from shared.store.workspace import Workspace
from tests.support.generated import shape_image

MOMENTS = [
    ("services.importer.records", "settle", 1),
    ("services.importer.records", "settle", 2),
    ("services.importer.run", "Annotator", 1),
    ("shared.store.imports", "write_problems", 1),
    ("shared.store.datasets.DatasetStore", "_publish", 1),
    ("shared.store.index.DatasetIndex", "moved", 1),
    ("shared.store.documents", "write", 1),
    ("services.importer.leftovers", "end", 1),
]
"""A function, and the number of its call at which the system kills the run."""
KILLER = """
import os, signal, sys
from importlib import import_module
from services.importer.run import main, work
place, name, wanted = sys.argv[2], sys.argv[3], int(sys.argv[4])
module, _, owner = place.rpartition(".") if place.split(".")[-1][0].isupper() else (place, "", "")
holder = getattr(import_module(module), owner) if owner else import_module(module)
whole, calls = getattr(holder, name), 0
def deadly(*args, **options):
    global calls
    calls += 1
    if calls == wanted:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(*args, **options)
setattr(holder, name, deadly)
main(work)
"""


@pytest.fixture
def many(tmp_path: Path) -> Path:
    for number in range(100):
        place = tmp_path / "many" / f"class-{number % 2}" / f"{number}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(shape_image(number % 2, number))
    return tmp_path / "many"


@pytest.fixture
def few(tmp_path: Path) -> Path:
    (tmp_path / "few" / "class-0").mkdir(parents=True)
    (tmp_path / "few" / "class-0" / "x.jpg").write_bytes(shape_image(0, 1000))
    return tmp_path / "few"


def killed(run: Run, place: str, name: str, call: int) -> None:
    """Do the work in a process of its own, which is killed."""
    environment = {
        **os.environ,
        "AI_STUDIO_WORKSPACE": str(run.workspace.root),
        "AI_STUDIO_REDIS_URL": "redis://127.0.0.1:1/0",
    }
    command = [sys.executable, "-c", KILLER, run.job.id, place, name, str(call)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == -signal.SIGKILL, ended.stdout + ended.stderr


def files(workspace: Workspace, project: Project) -> set[str]:
    """Return the dataset's images and reports."""
    folder = workspace.dataset(project.id).folder
    found = [path for kind in ("images", "thumbs", "imports") for path in (folder / kind).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)) for path in found if ".lock" not in path.name}


def records(workspace: Workspace, project: Project) -> list[ImageRecord]:
    """Return all records, and see that the index says the same."""
    dataset = workspace.dataset(project.id)
    found = list(dataset.records())
    assert {item.id for item in found} == dataset.index().ids()
    return found


def lost_for_good(run: Run) -> None:
    """Let the job of a killed run be lost once more than it is tried again."""
    jobs = run.workspace.jobs
    jobs.apply(run.job.id, Lose(run.job.epoch, "killed", "Killed."))
    once_more = jobs.apply(run.job.id, Claim("another", 60))
    assert jobs.apply(run.job.id, Lose(once_more.epoch, "killed", "Killed.")).status.final


@pytest.mark.slow
@pytest.mark.parametrize(("place", "name", "call"), MOMENTS, ids=lambda value: str(value).rsplit(".", 1)[-1])
def test_a_kill_leaves_the_dataset_as_it_was(
    claimed: Callable[..., Run],
    do_import: Callable[..., dict[str, Any]],
    workspace: Workspace,
    project: Project,
    many: Path,
    few: Path,
    place: str,
    name: str,
    call: int,
) -> None:
    do_import(few)
    before, head = records(workspace, project), workspace.dataset(project.id).head()
    run = claimed(many)
    killed(run, place, name, call)
    published = name == "end"
    assert len(records(workspace, project)) == (101 if published else 1)
    if not published:
        assert records(workspace, project) == before
        assert workspace.dataset(project.id).head() == head

    again = workspace.jobs.apply(run.job.id, Lose(run.job.epoch, "killed", "Killed."))
    result = work(Run(workspace, workspace.jobs.apply(again.id, Claim("another", 60)), run.settings))
    assert result["added"] == 100
    assert len(records(workspace, project)) == 101
    assert not (workspace.dataset(project.id).folder / "importing.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("place", "name", "call"), MOMENTS[:-1], ids=lambda value: str(value).rsplit(".", 1)[-1])
def test_what_an_import_that_was_killed_for_good_left_goes_with_the_next(
    claimed: Callable[..., Run],
    do_import: Callable[..., dict[str, Any]],
    workspace: Workspace,
    project: Project,
    many: Path,
    few: Path,
    place: str,
    name: str,
    call: int,
) -> None:
    do_import(few)
    run = claimed(many)
    killed(run, place, name, call)
    lost_for_good(run)
    (few / "class-0" / "y.jpg").write_bytes(shape_image(0, 1001))
    do_import(few)
    kept = {item.id for item in records(workspace, project)}
    assert len(kept) == 2
    stored = files(workspace, project)
    assert sum(name.startswith("images/") for name in stored) == 2
    assert sum(name.startswith("thumbs/") for name in stored) == 2
    assert run.job.id not in " ".join(stored)


@pytest.mark.slow
def test_what_was_left_goes_without_another_import_too(
    claimed: Callable[..., Run],
    do_import: Callable[..., dict[str, Any]],
    workspace: Workspace,
    project: Project,
    many: Path,
    few: Path,
) -> None:
    do_import(few)
    before = files(workspace, project)
    run = claimed(many)
    killed(run, "services.importer.records", "settle", 2)
    left = files(workspace, project)
    assert left > before
    leftovers.sweep(workspace)
    assert files(workspace, project) == left, "the import may still go on"
    lost_for_good(run)
    leftovers.sweep(workspace)
    assert files(workspace, project) == before
