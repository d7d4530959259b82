"""Imports of whole folders, through the real importer in this process."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.importer.run import work
from shared.bus.run import Run
from shared.schemas.dataset import DatasetHead, ImageRecord, Problem
from shared.schemas.job import JobKind
from shared.settings import Settings
from shared.store.lifecycle import Claim
from shared.store.workspace import Workspace

Place = tuple[str, str | None, int | None]


@dataclass(frozen=True)
class Imported:
    """What an import left in the workspace: the dataset's head, its images by file name, and all it listed."""

    workspace: Workspace
    project_id: str
    head: DatasetHead
    records: dict[str, ImageRecord]
    problems: list[Problem]

    @property
    def told(self) -> set[Place]:
        """Code, file and line of each problem."""
        return {(item.code, item.file, item.line) for item in self.problems}


ImportFolder = Callable[[str, Path], Imported]


@pytest.fixture
def import_folder(tmp_path: Path) -> ImportFolder:
    """Import a folder into a new project of a task."""
    workspace = Workspace(tmp_path / "workspace")
    workspace.prepare()

    def run(task: str, folder: Path) -> Imported:
        project = workspace.projects.create("Things", task)
        payload = {"project_id": project.id, "source": {"path": str(folder)}, "format": "auto", "mode": "append"}
        job = workspace.jobs.create(JobKind.IMPORT, project.id, "Import", payload)
        work(Run(workspace, workspace.jobs.apply(job.id, Claim("test", 60)), Settings(workspace=workspace.root)))
        dataset = workspace.dataset(project.id)
        problems = list(dataset.imports.problems(job.id))
        records = {item.filename: item for item in dataset.records()}
        return Imported(workspace, project.id, dataset.head(), records, problems)

    return run
