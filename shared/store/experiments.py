"""Experiments on disk: configuration, metric rows, checkpoints, log."""

import builtins
import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from shared.errors import NotFound
from shared.schemas.base import utc_now
from shared.schemas.experiment import CheckpointInfo, CheckpointManifest, EpochRow, Experiment
from shared.store import documents
from shared.store.course import Course
from shared.store.files import TEMPORARY, locked, remove_tree, replacing
from shared.store.paths import checked_id, missing, safe_path


class ExperimentStore:
    """`experiments/<id>/` of one project."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, experiment_id: str) -> Path:
        """Return the experiment's folder, whether or not it exists."""
        return self._root / checked_id("experiment", experiment_id)

    def create(self, experiment: Experiment) -> Experiment:
        """Store a new experiment."""
        documents.write(experiment, self._path(experiment.id))
        return experiment

    def get(self, experiment_id: str) -> Experiment:
        """Return an experiment or raise `NotFound`."""
        try:
            return documents.read(Experiment, self._path(experiment_id))
        except FileNotFoundError:
            raise missing("experiment", experiment_id) from None

    def list(self) -> builtins.list[Experiment]:
        """Return all experiments, newest first."""
        found = documents.read_all(Experiment, self._root.glob("experiment-*/experiment.json"))
        return sorted(found, key=lambda item: (item.created_at, item.id), reverse=True)

    def update(
        self, experiment_id: str, change: Callable[[Experiment], Experiment], *, revision: int | None = None
    ) -> Experiment:
        """Change an experiment under its lock."""
        self.get(experiment_id)
        return documents.update(
            Experiment,
            self._path(experiment_id),
            lambda item: change(item).model_copy(update={"updated_at": utc_now()}),
            revision=revision,
        )

    def delete(self, experiment_id: str) -> None:
        """Remove the experiment, its checkpoints and its evaluation."""
        self.get(experiment_id)
        remove_tree(self.folder(experiment_id))

    def clear_results(self, experiment_id: str) -> None:
        """Remove what trainings left: rows, checkpoints, evaluation."""
        self.course(experiment_id).clear()
        for name in ("checkpoints", "evaluation"):
            remove_tree(self.folder(experiment_id) / name)

    def course(self, experiment_id: str) -> Course:
        """Return what its trainings wrote row by row."""
        return Course(self.folder(experiment_id))

    def metrics(self, experiment_id: str, since_epoch: int = 0) -> builtins.list[EpochRow]:
        """Return the rows of epochs after `since_epoch`, oldest first."""
        return self.course(experiment_id).epochs(since_epoch)

    def checkpoints(self, experiment_id: str) -> builtins.list[CheckpointInfo]:
        """Return the checkpoints whose file exists with the size the manifest names, `best` first."""
        folder = self._checkpoint_folder(experiment_id)
        listed = self._manifest(experiment_id).checkpoints
        return [info for info in listed if _is_whole(folder / info.file, info.size)]

    def checkpoint(self, experiment_id: str, name: str) -> CheckpointInfo:
        """Return the checkpoint called `name`: `best` or `last`, with or without `.ckpt`, or a file's name.

        Raises:
            NotFound: there is no such checkpoint.
        """
        listed = self.checkpoints(experiment_id)
        for info in listed:
            if name in (info.name, info.file, f"{info.name}.ckpt"):
                return info
        there = ", ".join(info.name for info in listed) or "none"
        raise NotFound(
            "checkpoint_not_found",
            f"This experiment has no checkpoint {name[:40]!r}.",
            hint=f"Checkpoints there are: {there}.",
        )

    def checkpoint_path(self, experiment_id: str, name: str) -> Path:
        """Return the file of checkpoint `name`.

        Raises:
            NotFound: there is no such checkpoint.
        """
        return safe_path(self._checkpoint_folder(experiment_id), self.checkpoint(experiment_id, name).file)

    def saved_checkpoints(self, experiment_id: str) -> builtins.list[CheckpointInfo]:
        """Return what the manifest names, whether or not the files are still whole."""
        return self._manifest(experiment_id).checkpoints

    def save_checkpoint(
        self,
        experiment_id: str,
        name: Literal["best", "last"],
        save: Callable[[Path], None],
        *,
        epoch: int,
        metric: float | None,
    ) -> CheckpointInfo:
        """Write a checkpoint to a file of its own, switch to it in the manifest, and remove what it replaced.

        The manifest is the only switch: a kill at any instant leaves the old checkpoint or the new one, with its hash.

        Args:
            experiment_id: whose checkpoint.
            name: `best` or `last`.
            save: writes the file at the path it is given; what it raises leaves the old checkpoint in place.
            epoch: epochs completed.
            metric: the primary metric there.
        """
        path = self._checkpoint_folder(experiment_id) / f"{name}-{secrets.token_hex(4)}.ckpt"
        manifest_path = path.parent / "manifest.json"
        with locked(manifest_path):
            with replacing(path) as temporary:
                save(temporary)
                digest, size = _digest(temporary), temporary.stat().st_size
            info = CheckpointInfo(name=name, file=path.name, epoch=epoch, metric=metric, size=size, sha256=digest)
            others = [item for item in self._manifest(experiment_id).checkpoints if item.name != name]
            items = sorted([*others, info], key=lambda item: item.name)
            documents.write(CheckpointManifest(checkpoints=items), manifest_path)
            _remove_unlisted(path.parent, {item.file for item in items})
        return info

    def _manifest(self, experiment_id: str) -> CheckpointManifest:
        try:
            path = self._checkpoint_folder(experiment_id) / "manifest.json"
            return documents.read(CheckpointManifest, path)
        except FileNotFoundError:
            return CheckpointManifest()

    def _checkpoint_folder(self, experiment_id: str) -> Path:
        return self.folder(experiment_id) / "checkpoints"

    def _path(self, experiment_id: str) -> Path:
        return self.folder(experiment_id) / "experiment.json"


def _remove_unlisted(folder: Path, listed: set[str]) -> None:
    for path in folder.glob("*.ckpt"):
        if path.name not in listed and not path.name.startswith(TEMPORARY):
            path.unlink(missing_ok=True)


def _is_whole(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
