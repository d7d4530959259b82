"""A workspace and a way to run an import in it, in this process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.importer.run import work
from shared.bus.run import Run
from shared.schemas.job import JobKind
from shared.schemas.project import Project
from shared.settings import Settings
from shared.store.lifecycle import Claim
from shared.store.workspace import Workspace
from shared.taskkit import registry
from tests.support.generated import shape_image


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "workspace")
    made.prepare()
    return made


@pytest.fixture
def project(workspace: Workspace) -> Project:
    task = next(spec.id for spec in registry.specs() if spec.annotation_kind == "label")
    return workspace.projects.create("Things", task)


@pytest.fixture
def claimed(workspace: Workspace, project: Project) -> Callable[..., Run]:
    """Make the run of an import job that a worker has claimed."""

    def make(path: Path, mode: str = "append", format_id: str = "auto", **more: Any) -> Run:
        payload = {"project_id": project.id, "source": {"path": str(path)}, "format": format_id, "mode": mode, **more}
        job = workspace.jobs.create(JobKind.IMPORT, project.id, "Import", payload)
        settings = Settings(workspace=workspace.root, max_image_pixels=1_000_000)
        return Run(workspace, workspace.jobs.apply(job.id, Claim("test", 60)), settings)

    return make


@pytest.fixture
def boxes(workspace: Workspace, project: Project) -> Project:
    """The project of `claimed`, of a task of boxes."""
    task = next(spec.id for spec in registry.specs() if spec.annotation_kind == "box")
    path = workspace.projects.folder(project.id) / "project.json"
    path.write_text(path.read_text().replace(f'"{project.task}"', f'"{task}"'))
    return workspace.projects.get(project.id)


@pytest.fixture
def do_import(claimed: Callable[..., Run]) -> Callable[..., dict[str, Any]]:
    """Run an import to its end and return its result."""
    return lambda *args, **options: work(claimed(*args, **options))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six images of two classes in train and test folders."""
    root = tmp_path / "things"
    for number in range(6):
        subset, name = ("test" if number > 3 else "train"), f"class-{number % 2}"
        place = root / subset / name / f"{number}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(shape_image(number % 2, number))
    return root
