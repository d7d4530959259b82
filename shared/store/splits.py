"""Splits on disk. Written once."""

import builtins
from pathlib import Path

from shared.errors import Conflict
from shared.schemas.split import Split
from shared.store import documents
from shared.store.files import locked
from shared.store.paths import checked_id, missing


class SplitStore:
    """`splits/<split_id>.json` of one project."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen: dict[str, Split] = {}

    def create(self, split: Split) -> Split:
        """Store a split.

        Raises:
            Conflict: the name is taken; names are compared without case.
        """
        with locked(self._root / "names"):
            if any(known.name.casefold() == split.name.casefold() for known in self.list()):
                raise Conflict(
                    "split_exists",
                    f"There is already a split named {split.name!r}.",
                    hint="Choose another name, or delete the old split.",
                )
            documents.write(split, self._path(split.id))
        return split

    def get(self, split_id: str) -> Split:
        """Return a split by id or raise `NotFound`."""
        path = self._path(split_id)
        if not path.exists():
            raise missing("split", split_id)
        if split_id not in self._seen:
            self._seen[split_id] = documents.read(Split, path)
        return self._seen[split_id]

    def named(self, name: str) -> Split:
        """Return a split by name or raise `NotFound`."""
        for split in self.list():
            if split.name.casefold() == name.casefold():
                return split
        raise missing("split", name)

    def list(self) -> builtins.list[Split]:
        """Return all splits, newest first."""
        found = [self.get(path.stem) for path in self._root.glob("split-*.json")]
        return sorted(found, key=lambda split: (split.created_at, split.id), reverse=True)

    def delete(self, split_id: str) -> None:
        """Remove a split."""
        self.get(split_id)
        self._path(split_id).unlink(missing_ok=True)
        self._seen.pop(split_id, None)

    def _path(self, split_id: str) -> Path:
        return self._root / f"{checked_id('split', split_id)}.json"
