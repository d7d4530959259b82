"""The workspace: one root, and a store for each kind of thing below it."""

from functools import lru_cache
from pathlib import Path

from shared.schemas.project import WorkspaceInfo
from shared.store import documents
from shared.store.datasets import DatasetStore
from shared.store.evaluations import EvaluationStore
from shared.store.experiments import ExperimentStore
from shared.store.exports import ExportStore
from shared.store.files import locked, sweep
from shared.store.jobs import JobStore
from shared.store.projects import ProjectStore
from shared.store.splits import SplitStore

STALE_AFTER_S = 3600.0
"""No writer keeps a temporary file untouched this long; workers may be running while the gateway starts."""


class Workspace:
    """Gives the stores. Nothing is created before `prepare` or a write."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.projects = ProjectStore(root / "projects")
        self.jobs = JobStore(root / "jobs")

    def prepare(self) -> None:
        """Create what is missing, check the version, remove what a kill left behind."""
        for name in ("projects", "jobs"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        path = self.root / "workspace.json"
        with locked(path):
            if path.exists():
                documents.read(WorkspaceInfo, path)
            else:
                documents.write(WorkspaceInfo(), path)
        sweep(self.root, older_than_s=STALE_AFTER_S)
        self.jobs.sweep(older_than_s=STALE_AFTER_S)

    def dataset(self, project_id: str) -> DatasetStore:
        """Return the store of a project's dataset."""
        return DatasetStore(self.projects.folder(project_id) / "dataset")

    def splits(self, project_id: str) -> SplitStore:
        """Return the store of a project's splits."""
        return _splits(self.projects.folder(project_id) / "splits")

    def experiments(self, project_id: str) -> ExperimentStore:
        """Return the store of a project's experiments."""
        return ExperimentStore(self.projects.folder(project_id) / "experiments")

    def evaluation(self, project_id: str, experiment_id: str) -> EvaluationStore:
        """Return the store of an experiment's evaluation."""
        return EvaluationStore(self.experiments(project_id).folder(experiment_id) / "evaluation")

    def exports(self, project_id: str) -> ExportStore:
        """Return the store of a project's exports."""
        return ExportStore(self.projects.folder(project_id) / "exports")


@lru_cache(maxsize=256)
def _splits(folder: Path) -> SplitStore:
    """Splits never change, so a store and what it has read may live on."""
    return SplitStore(folder)
