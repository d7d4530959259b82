"""An import of a folder in this process."""

from pathlib import Path

from services.importer.run import work
from shared.bus.run import Run
from shared.schemas.job import JobKind
from shared.settings import Settings
from shared.store.datasets import DatasetStore
from shared.store.lifecycle import Claim
from shared.store.workspace import Workspace


def imported(workspace: Path, task: str, source: Path, format_id: str = "auto") -> DatasetStore:
    """Return the dataset of a new project of a task after importing a folder."""
    made = Workspace(workspace)
    made.prepare()
    project = made.projects.create("Import", task)
    payload = {"project_id": project.id, "source": {"path": str(source)}, "format": format_id, "mode": "append"}
    job = made.jobs.create(JobKind.IMPORT, project.id, "Import", payload)
    work(Run(made, made.jobs.apply(job.id, Claim("test", 60)), Settings(workspace=workspace)))
    return made.dataset(project.id)


def problems(dataset: DatasetStore) -> set[tuple[str | None, int | None, str]]:
    """Return file, line and code of each problem of the last import."""
    report = dataset.head().last_import
    assert report is not None
    assert all(item.message for item in report.problems)
    return {(item.file, item.line, item.code) for item in report.problems}
