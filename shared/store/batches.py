"""Files that are written first and waited for together: the disk takes a batch in little more time than one file."""

import os
import secrets
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shared.store.files import TEMPORARY, disk_errors, sync_file, sync_files, sync_folder

_AT_ONCE = 8


def write_unsettled(path: Path, data: bytes) -> None:
    """Write a file without waiting for the disk; `settle` makes a batch durable.

    Safe where whatever names the file is only written after `settle`.
    """
    temporary = path.with_name(f"{TEMPORARY}{path.name}-{secrets.token_hex(4)}")
    try:
        with disk_errors():
            if not path.parent.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data)
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def link_unsettled(source: Path, path: Path) -> bool:
    """Give a file that is ours and never changes a second name, as `write_unsettled` would a copy; say if that worked.

    It counts as written now: cleaning up after a kill goes by the time of a file.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.utime(source)
        os.link(source, path)
    except OSError:
        return False
    return True


def settle(paths: Iterable[Path]) -> None:
    """Wait until files and their folders are on the disk: a few side by side, many with one call for all."""
    files = list(paths)
    with disk_errors():
        if len(files) > _AT_ONCE:
            sync_files(files)
            return
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(sync_file, files))
            list(pool.map(sync_folder, {path.parent for path in files}))
