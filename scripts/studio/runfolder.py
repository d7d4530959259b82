"""The folder of one workspace's running studio: Redis data, logs, the lock, and where the studio is.

It stands beside the workspace, never in it: everything in there may be deleted while the studio is off.
"""

import fcntl
import json
import os
from pathlib import Path
from typing import TypedDict

from scripts.studio.failure import StudioFailure


class State(TypedDict):
    """Where a running studio is."""

    pid: int
    url: str
    flower: str | None


class RunFolder:
    """The folder `.run/<name of the workspace>` beside a workspace."""

    def __init__(self, workspace: Path) -> None:
        self.path = workspace.parent / ".run" / workspace.name
        self.logs = self.path / "logs"
        self.redis = self.path / "redis"
        self._lock: int | None = None

    def make(self) -> None:
        """Create the folders.

        Raises:
            StudioFailure: they cannot be written.
        """
        try:
            for folder in (self.path, self.logs, self.redis):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StudioFailure(
                f"The folder {self.path} cannot be made: {error.strerror}.",
                "Choose a workspace in a folder you may write to with --workspace.",
            ) from error

    def take(self) -> bool:
        """Take the lock; False when another studio holds it. The system frees it when this process ends."""
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._lock = lock
        self.state_path.unlink(missing_ok=True)
        return True

    def release(self) -> None:
        """Give the lock back."""
        self.state_path.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def state_path(self) -> Path:
        """The file that says where the studio is."""
        return self.path / "studio.json"

    def tell(self, state: State) -> None:
        """Write down where the studio is."""
        beside = self.state_path.with_suffix(".new")
        beside.write_text(json.dumps(state))
        beside.replace(self.state_path)

    def state(self) -> State | None:
        """Return where the studio is, once it is ready."""
        try:
            found = json.loads(self.state_path.read_text())
        except (OSError, ValueError):
            return None
        return State(pid=int(found["pid"]), url=str(found["url"]), flower=found["flower"])
