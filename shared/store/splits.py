"""Splits on disk. Written once."""

import builtins
from collections.abc import Sequence
from pathlib import Path

import orjson

from shared.errors import Conflict
from shared.schemas.split import Split
from shared.store import documents
from shared.store.files import locked, write_bytes
from shared.store.paths import checked_id, missing


class SplitStore:
    """`splits/<split_id>.json` of one project."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen: dict[str, Split] = {}

    def create(self, split: Split) -> Split:
        """Store a split; see `create_all`."""
        self.create_all([split])
        return split

    def create_all(self, splits: Sequence[Split]) -> None:
        """Store splits: all of them, or, where one cannot be, none.

        Raises:
            Conflict: a name is taken; names are compared without case.
        """
        with locked(self._root / "names"):
            self._forget_unfinished()
            taken = {known.name.casefold() for known in self.list()}
            for split in splits:
                if split.name.casefold() in taken:
                    raise Conflict(
                        "split_exists",
                        f"There is already a split named {split.name!r}.",
                        hint="Choose another name, or delete the old split.",
                    )
            write_bytes(self._unfinished_path, orjson.dumps([split.id for split in splits]))
            try:
                for split in splits:
                    documents.write(split, self._path(split.id))
            except BaseException:
                self._forget_unfinished()
                raise
            self._unfinished_path.unlink()

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
        ids = [path.stem for path in self._root.glob("split-*.json")]
        unfinished = self._unfinished()
        found = [self.get(split_id) for split_id in ids if split_id not in unfinished]
        return sorted(found, key=lambda split: (-split.created_at.timestamp(), split.name))

    def delete(self, split_id: str) -> None:
        """Remove a split."""
        self.get(split_id)
        self._path(split_id).unlink(missing_ok=True)
        self._seen.pop(split_id, None)

    def _unfinished(self) -> builtins.list[str]:
        """Return the ids of splits that are being made; a kill may have left them for good."""
        try:
            ids: builtins.list[str] = orjson.loads(self._unfinished_path.read_bytes())
        except FileNotFoundError:
            return []
        return ids

    def _forget_unfinished(self) -> None:
        for split_id in self._unfinished():
            self._path(split_id).unlink(missing_ok=True)
        self._unfinished_path.unlink(missing_ok=True)

    @property
    def _unfinished_path(self) -> Path:
        return self._root / "unfinished.json"

    def _path(self, split_id: str) -> Path:
        return self._root / f"{checked_id('split', split_id)}.json"
