"""Projects on disk."""

from pathlib import Path

from shared.schemas.base import new_id, utc_now
from shared.schemas.project import Project
from shared.store import documents
from shared.store.files import remove_tree
from shared.store.paths import checked_id, missing


class ProjectStore:
    """`projects/<id>/project.json`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, project_id: str) -> Path:
        """Return the project's folder, whether or not it exists."""
        return self._root / checked_id("project", project_id)

    def create(self, name: str, task: str, description: str = "") -> Project:
        """Store a new project."""
        project = Project(id=new_id("project"), name=name, task=task, description=description)
        documents.write(project, self._path(project.id))
        return project

    def get(self, project_id: str) -> Project:
        """Return a project or raise `NotFound`."""
        try:
            return documents.read(Project, self._path(project_id))
        except FileNotFoundError:
            raise missing("project", project_id) from None

    def list(self) -> list[Project]:
        """Return all projects, the one changed last first."""
        found = documents.read_all(Project, self._root.glob("project-*/project.json"))
        return sorted(found, key=lambda project: project.updated_at, reverse=True)

    def edit(
        self, project_id: str, *, name: str | None, description: str | None, revision: int | None = None
    ) -> Project:
        """Rename or describe a project; None leaves a field as it is."""
        given = {"name": name, "description": description}
        changes = {key: value for key, value in given.items() if value is not None}
        self.get(project_id)
        return documents.update(
            Project,
            self._path(project_id),
            lambda project: project.model_copy(update={**changes, "updated_at": utc_now()}),
            revision=revision,
        )

    def delete(self, project_id: str) -> None:
        """Remove the project and everything below it."""
        self.get(project_id)
        remove_tree(self.folder(project_id))

    def _path(self, project_id: str) -> Path:
        return self.folder(project_id) / "project.json"
