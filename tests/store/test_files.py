import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from shared.errors import DiskFull
from shared.store.files import disk_errors, locked, remove_tree, replacing, sweep, write_bytes

WRITER = """
import sys
from pathlib import Path
from shared.store.files import write_bytes
path = Path(sys.argv[1])
print("go", flush=True)
number = 0
while True:
    number += 1
    write_bytes(path, (str(number % 10) * 200_000).encode())
"""


def test_a_reader_never_sees_a_torn_file_when_the_writer_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "document.json"
    for _ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.05)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        content = path.read_bytes()
        assert len(content) == 200_000
        assert len(set(content)) == 1


def test_a_failed_write_leaves_the_old_content_and_no_temporary(tmp_path: Path) -> None:
    path = tmp_path / "document.json"
    write_bytes(path, b"old")

    def half_done() -> None:
        with replacing(path) as temporary:
            temporary.write_bytes(b"ne")
            raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError):
        half_done()
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["document.json"]


def test_a_full_disk_is_an_error_with_a_hint() -> None:
    with pytest.raises(DiskFull) as caught, disk_errors():
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.hint


def test_a_lock_is_held_against_other_processes(tmp_path: Path) -> None:
    path = tmp_path / "document.json"
    code = "import sys; from pathlib import Path; from shared.store.files import locked\n"
    code += "with locked(Path(sys.argv[1])): print('in', flush=True)"
    with locked(path):
        other = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
        assert other.stdout is not None
        os.set_blocking(other.stdout.fileno(), False)
        time.sleep(0.5)
        assert not other.stdout.read()
    assert other.communicate(timeout=20)[0] == b"in\n"


def test_removing_a_tree_twice_is_no_error(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    remove_tree(folder)
    remove_tree(folder)
    assert not list(tmp_path.iterdir())


def test_sweeping_removes_old_leftovers_and_spares_what_may_be_in_use(tmp_path: Path) -> None:
    old, young, real = tmp_path / ".tmp-old", tmp_path / ".tmp-young", tmp_path / "real.json"
    for path in (old, young, real):
        path.write_bytes(b"x")
    os.utime(old, (1, 1))
    os.utime(real, (1, 1))
    trash = tmp_path / ".trash-project"
    trash.mkdir()
    os.utime(trash, (1, 1))
    assert sweep(tmp_path, older_than_s=60) == 2
    assert sorted(item.name for item in tmp_path.iterdir()) == [".tmp-young", "real.json"]


def test_sweeping_beside_writers_that_finish_meanwhile(tmp_path: Path) -> None:
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            write_bytes(tmp_path / "document.json", b"x")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(300):
            sweep(tmp_path, older_than_s=60)
    finally:
        over.set()
        writer.join()


def test_a_leftover_that_vanishes_while_it_is_looked_at_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "walk", lambda root: [(str(root), [".trash-gone"], [".tmp-gone"])])
    assert sweep(tmp_path, older_than_s=60) == 0
