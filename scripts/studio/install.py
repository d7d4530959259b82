"""Makes the Python environment of the studio from the locked requirements.

Each lock file is a stage with a stamp of its own, written when the stage is complete: what was interrupted is done
again at the next start, what is complete costs nothing.
"""

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.studio.console import Console
from scripts.studio.failure import StudioFailure
from scripts.studio.locks import CHOSEN, blocks, pins, without_build
from scripts.studio.options import ROOT

_STEP = re.compile(r"(Collecting|Requirement already satisfied:|Downloading|Installing collected) ?(\S*)")


class Installer:
    """Brings `.venv` below `root` to what the lock files say."""

    def __init__(self, console: Console, torch_index: str | None = None, root: Path = ROOT) -> None:
        self._console = console
        self._torch_index = torch_index
        self._requirements = root / "requirements"
        self._venv = root / ".venv"
        self._stamps = self._venv / "installed"
        self.python = self._venv / "bin" / "python"

    def ensure(self, *, dev: bool = False) -> Path:
        """Install what is missing and return the environment's Python.

        Raises:
            StudioFailure: the environment cannot be made.
        """
        stages = ["light", "torch", "ml", *(["dev"] if dev else [])]
        if self._missing(stages):
            with self._alone():
                self._make_venv()
                missing = self._missing(stages)
                for number, stage in enumerate(missing, 1):
                    self._console.say(f"Installing the {stage} requirements ({number} of {len(missing)}) ...")
                    self._install(stage)
                self._console.say("The environment is complete.")
        return self.python

    def _missing(self, stages: list[str]) -> list[str]:
        return [stage for stage in stages if not self.python.exists() or self._stamp(stage) != self._wanted(stage)]

    def _stamp(self, stage: str) -> str:
        try:
            return (self._stamps / stage).read_text()
        except OSError:
            return ""

    def _wanted(self, stage: str) -> str:
        lock = (self._requirements / f"{stage}.txt").read_bytes()
        source = self._torch_index if stage == "torch" else None
        return f"{hashlib.sha256(lock).hexdigest()} {source or 'locked'}\n"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep a second installer out; the folder itself is the lock, so nothing is left behind."""
        folder = os.open(self._requirements, os.O_RDONLY)
        try:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._console.say("Another start is installing; waiting for it ...")
                fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _make_venv(self) -> None:
        if self.python.exists() and _runs([self.python, "-m", "pip", "--version"]):
            return
        if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            raise StudioFailure(
                f"This Python ({sys.executable}) cannot make environments: its venv module is missing.",
                f"On Debian and Ubuntu: apt-get install python{version}-venv",
            )
        self._console.say(f"Making the environment {self._venv} ...")
        shutil.rmtree(self._venv, ignore_errors=True)
        if not _runs([sys.executable, "-m", "venv", self._venv]):
            raise StudioFailure(
                f"The environment {self._venv} cannot be made with {sys.executable}.",
                "See whether the disk is full or the folder may not be written to.",
            )

    def _install(self, stage: str) -> None:
        lock = self._requirements / f"{stage}.txt"
        if stage == "torch":
            self._replace_other_build()
        if stage == "torch" and self._torch_index:
            self._install_chosen_torch(lock)
        else:
            self._pip(["install", "--no-deps", "--require-hashes", "-r", str(lock)], len(blocks(lock.read_text())))
        self._stamps.mkdir(exist_ok=True)
        (self._stamps / stage).write_text(self._wanted(stage))

    def _replace_other_build(self) -> None:
        """Remove a torch from another source: pip takes any build of the same version for the right one."""
        before = self._stamp("torch").partition(" ")[2].strip()
        if before and before != (self._torch_index or "locked"):
            self._pip(["uninstall", "--yes", *CHOSEN], 0)

    def _install_chosen_torch(self, lock: Path) -> None:
        """Install torch at the locked version from the chosen index, which also has what that build needs."""
        text = lock.read_text()
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as rest:
            rest.write(without_build(text))
            rest.flush()
            self._pip(["install", "--no-deps", "--require-hashes", "-r", rest.name], 0)
        self._pip(["install", "--index-url", self._torch_index or "", *pins(text)], 0)

    def _pip(self, arguments: list[str], total: int) -> None:
        """Run pip, showing how far it is; its full output goes to a file."""
        log = self._venv / "install.log"
        command = [str(self.python), "-m", "pip", "--disable-pip-version-check", *arguments, "--no-color"]
        if arguments[0] == "install":
            command.append("--progress-bar=off")
        last: deque[str] = deque(maxlen=12)
        with (
            log.open("a") as file,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip,
        ):
            assert pip.stdout is not None
            seen = 0
            for line in pip.stdout:
                file.write(line)
                last.append(line.rstrip())
                if found := _STEP.match(line.strip()):
                    seen += found[1] in ("Collecting", "Requirement already satisfied:")
                    self._show(seen, total, found)
        if pip.returncode:
            raise StudioFailure(
                "Installing did not work. The last that pip said:\n" + "\n".join(f"    {line}" for line in last),
                f"See {log}, look at the network and the free disk space, and start again: it goes on where it was.",
            )

    def _show(self, seen: int, total: int, found: re.Match[str]) -> None:
        if found[1].startswith("Installing"):
            self._console.live("  unpacking ...")
        else:
            counted = f"[{seen}/{total}] " if total else ""
            self._console.live(f"  {counted}{found[2]}")


def _runs(command: list[str | Path]) -> bool:
    try:
        return subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False
