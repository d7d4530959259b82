"""Atomic files: after a kill at any instant a reader sees the old content or the new, never a mixture."""

import ctypes
import errno
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.errors import DiskFull

TEMPORARY = ".tmp-"
TRASH = ".trash-"


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn "no space left" into an error a person can act on."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                "disk_full",
                "The disk that holds the workspace is full.",
                hint="Free some space or move the workspace, then try again. Nothing half-written was kept.",
            ) from error
        raise


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success it takes the place of `path`, durably."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f"{TEMPORARY}{path.name}-{secrets.token_hex(4)}"
    try:
        with disk_errors():
            yield temporary
            sync_file(temporary)
            temporary.replace(path)
            sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically and durably."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def sync_file(path: Path) -> None:
    """Wait until the content of `path` is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


sync_folder = sync_file


def sync_files(paths: Iterable[Path]) -> None:
    """Wait until files and their folders are on the disk: with one call for all where the system has one."""
    paths = list(paths)
    folders = {path.parent for path in paths}
    whole = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if whole is None:
        for path in (*paths, *folders):
            sync_file(path)
        return
    for folder in {folder.stat().st_dev: folder for folder in folders}.values():
        handle = os.open(folder, os.O_RDONLY)
        try:
            if whole(handle):
                raise OSError(ctypes.get_errno(), "The files could not be written to the disk.")
        finally:
            os.close(handle)


@contextmanager
def locked(path: Path, *, make_folder: bool = True) -> Iterator[None]:
    """Hold the lock that belongs to `path`, across processes and machines that share the file system.

    Raises:
        FileNotFoundError: its folder does not exist and is not to be made.
    """
    if make_folder:
        path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path.parent / f".{path.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)  # a process forked meanwhile has the handle too, and would keep the lock
        os.close(handle)


def remove_tree(folder: Path) -> None:
    """Delete a folder so that nobody ever sees it half deleted: rename first, then remove."""
    trash = folder.parent / f"{TRASH}{folder.name}-{secrets.token_hex(4)}"
    try:
        folder.rename(trash)
    except FileNotFoundError:
        return
    shutil.rmtree(trash, ignore_errors=True)


def sweep(root: Path, *, older_than_s: float) -> int:
    """Remove what a kill left behind below `root`, unless a living writer may still use it.

    Args:
        root: the workspace.
        older_than_s: only things not touched for this long are removed.

    Returns:
        How many things were removed.
    """
    limit = time.time() - older_than_s
    swept = 0
    for folder, subfolders, files in os.walk(root):
        for name in [name for name in subfolders if name.startswith((TRASH, TEMPORARY))]:
            subfolders.remove(name)
            swept += _remove_if_older(Path(folder, name), limit)
        for name in files:
            if name.startswith(TEMPORARY):
                swept += _remove_if_older(Path(folder, name), limit)
    return swept


def _remove_if_older(path: Path, limit: float) -> bool:
    try:
        if path.lstat().st_mtime > limit:
            return False
    except FileNotFoundError:
        return False
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    return True
