"""Files that are written first and waited for together: the disk takes a batch in little more time than one file."""

import secrets
from collections.abc import Iterable
from pathlib import Path

from shared.store.files import TEMPORARY, disk_errors, sync_files


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


def settle(paths: Iterable[Path]) -> None:
    """Wait until files and their folders are on the disk."""
    with disk_errors():
        sync_files(paths)
