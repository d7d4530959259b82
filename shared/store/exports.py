"""Exports on disk: the record and the exported file."""

import builtins
from pathlib import Path

from shared.schemas.export import Export
from shared.store import documents
from shared.store.files import remove_tree
from shared.store.paths import checked_id, missing, safe_path


class ExportStore:
    """`exports/<export_id>/` of one project."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, export_id: str) -> Path:
        """Return the export's folder, whether or not it exists."""
        return self._root / checked_id("export", export_id)

    def save(self, export: Export) -> Export:
        """Store the record of an export."""
        documents.write(export, self._path(export.id))
        return export

    def get(self, export_id: str) -> Export:
        """Return an export or raise `NotFound`."""
        try:
            return documents.read(Export, self._path(export_id))
        except FileNotFoundError:
            raise missing("export", export_id) from None

    def list(self) -> builtins.list[Export]:
        """Return all exports, newest first."""
        found = documents.read_all(Export, self._root.glob("export-*/export.json"))
        return sorted(found, key=lambda item: (item.created_at, item.id), reverse=True)

    def file(self, export: Export) -> Path:
        """Return the exported file or raise `NotFound`."""
        path = safe_path(self.folder(export.id), export.result.file) if export.result else None
        if path is None or not path.exists():
            raise missing("exported file", export.id)
        return path

    def delete(self, export_id: str) -> None:
        """Remove an export and its files."""
        self.get(export_id)
        remove_tree(self.folder(export_id))

    def _path(self, export_id: str) -> Path:
        return self.folder(export_id) / "export.json"
