from pathlib import Path

import pytest

from scripts.studio.console import Console
from scripts.studio.failure import StudioFailure
from scripts.studio.install import Installer
from scripts.studio.locks import blocks, pins, without_build

LOCK = """\
# a comment
cuda-bindings==13.5.0 ; sys_platform == 'linux' \\
    --hash=sha256:aa \\
    --hash=sha256:bb
filelock==4.2.12 \\
    --hash=sha256:cc
nvidia-cudnn-cu13==9.26.0.51 ; sys_platform == 'linux' \\
    --hash=sha256:dd
torch==2.15.0 \\
    --hash=sha256:ee
torchvision==0.29.2 \\
    --hash=sha256:ff
triton==3.9.0 ; sys_platform == 'linux' \\
    --hash=sha256:gg
"""


class RecordedInstaller(Installer):
    """Records what it would ask of pip; `fails` makes the stage with that word in its arguments fail."""

    def __init__(self, root: Path, torch_index: str | None = None, fails: str = "") -> None:
        super().__init__(Console(), torch_index, root)
        self.calls: list[list[str]] = []
        self._fails = fails

    def _make_venv(self) -> None:
        self.python.parent.mkdir(parents=True, exist_ok=True)
        self.python.touch()

    def _pip(self, arguments: list[str], total: int) -> None:
        if self._fails and any(self._fails in argument for argument in arguments):
            raise StudioFailure("no network")
        self.calls.append(arguments)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    requirements = tmp_path / "a folder" / "requirements"
    requirements.mkdir(parents=True)
    for stage in ("light", "torch", "ml", "dev"):
        (requirements / f"{stage}.txt").write_text(LOCK)
    return requirements.parent


def test_a_lock_is_read_block_by_block():
    assert len(blocks(LOCK)) == 6
    assert blocks(LOCK)[0].count("--hash") == 2


def test_another_build_of_torch_keeps_the_locked_versions_without_hashes():
    assert pins(LOCK) == ["torch==2.15.0", "torchvision==0.29.2"]


def test_another_build_of_torch_leaves_out_what_only_the_locked_one_needs():
    assert [block.partition("==")[0] for block in blocks(without_build(LOCK))] == ["filelock"]


def test_the_real_lock_has_both():
    real = (Path(__file__).parents[2] / "requirements" / "torch.txt").read_text()
    assert [pin.partition("==")[0] for pin in pins(real)] == ["torch", "torchvision"]
    assert "nvidia" not in without_build(real)


def test_a_second_start_installs_nothing(root: Path):
    RecordedInstaller(root).ensure()
    second = RecordedInstaller(root)
    second.ensure()
    assert second.calls == []


def test_the_checks_add_only_what_they_need(root: Path):
    RecordedInstaller(root).ensure()
    second = RecordedInstaller(root)
    second.ensure(dev=True)
    assert [Path(call[-1]).name for call in second.calls] == ["dev.txt"]


def test_what_was_interrupted_is_done_again(root: Path):
    with pytest.raises(StudioFailure):
        RecordedInstaller(root, fails="torch.txt").ensure()
    second = RecordedInstaller(root)
    second.ensure()
    assert [Path(call[-1]).name for call in second.calls] == ["torch.txt", "ml.txt"]


def test_a_changed_lock_is_installed(root: Path):
    RecordedInstaller(root).ensure()
    (root / "requirements" / "ml.txt").write_text(LOCK + "more==1 \\\n    --hash=sha256:aa\n")
    second = RecordedInstaller(root)
    second.ensure()
    assert [Path(call[-1]).name for call in second.calls] == ["ml.txt"]


def test_another_index_replaces_the_torch_that_is_there(root: Path):
    RecordedInstaller(root).ensure()
    second = RecordedInstaller(root, torch_index="http://127.0.0.1/simple")
    second.ensure()
    assert second.calls[0] == ["uninstall", "--yes", "torch", "torchvision"]
    assert second.calls[-1][1:] == ["--index-url", "http://127.0.0.1/simple", "torch==2.15.0", "torchvision==0.29.2"]
