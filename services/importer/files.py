"""The files of an import: those of a folder, or those of an archive unpacked beside the job."""

import errno
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Final

from services.importer.archives import DAMAGE, MAX_FILES, Member, Opener, members, refuse_other_kinds, too_many
from shared.errors import Invalid
from shared.schemas.dataset import Problem
from shared.store.files import disk_errors

Check = Callable[[], None]
_HIDDEN = ("__MACOSX", "@eaDir")
_BLOCK = 1024 * 1024
_MAX_DEPTH = 100
_ARCHIVES: Final = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")
MAX_EXPANSION = 200
"""Archives that unpack to more than this many times their size are refused."""


def list_files(root: Path, check: Check) -> tuple[list[Path], list[Problem]]:
    """Return the files below `root`, relative to it and sorted, and what is left out, such as links that lead out."""
    found: list[Path] = []
    problems: list[Problem] = []
    for folder, subfolders, names in os.walk(root):
        check()
        here = Path(folder).relative_to(root)
        passed_by = [name for name in subfolders if _is_passed_by(Path(folder, name))]
        problems.extend(_folder_left_out(here / name) for name in passed_by if name not in _HIDDEN)
        subfolders[:] = sorted(set(subfolders) - set(passed_by))
        for name in (name for name in names if not name.startswith("._")):
            why = _unusable(Path(folder, name), root)
            found += [here / name] if why is None else []
            problems += [_file_left_out(here / name, why)] if why is not None else []
    return sorted(found), problems


def _is_passed_by(folder: Path) -> bool:
    return folder.name in _HIDDEN or folder.name.startswith(".") or folder.is_symlink()


def _folder_left_out(folder: Path) -> Problem:
    message = "A hidden folder or a link to a folder; what is in it was left out."
    mend = "Give it a name without a dot, or copy what it links to, if its images belong here."
    return Problem(severity="warning", code="folder_left_out", file=printable(str(folder)), message=message, mend=mend)


def _unusable(path: Path, root: Path) -> str | None:
    """Return why a file cannot be read: a link that leads out or nowhere, a pipe, a device, or gone meanwhile."""
    try:
        if path.is_symlink() and not path.resolve(strict=True).is_relative_to(root.resolve()):
            return "A link that leads out of the folder"
        return None if stat.S_ISREG(path.stat().st_mode) else "No file with content"
    except FileNotFoundError:
        return "A link that leads nowhere"
    except (OSError, RuntimeError):
        return "Cannot be looked at"


def _file_left_out(file: Path, why: str) -> Problem:
    mend = "Copy the file itself to this place."
    return Problem(
        severity="error", code="file_left_out", file=printable(str(file)), message=f"{why}; left out.", mend=mend
    )


def printable(name: str) -> str:
    """Return a file's name as text that can be stored: bytes of it that are not UTF-8 are replaced."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def unpack(archive: Path, target: Path, check: Check) -> list[Problem]:
    """Unpack a zip or tar archive below `target`; return what was left out. On errors nothing is left there.

    Raises:
        Invalid: not a readable archive, encrypted, or it would unpack to far too much.
    """
    try:
        with disk_errors():
            return _unpack(archive, target, check)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def _unpack(archive: Path, target: Path, check: Check) -> list[Problem]:
    refuse_other_kinds(archive)
    problems: list[Problem] = []
    budget = _Budget(max(archive.stat().st_size, _BLOCK) * MAX_EXPANSION)
    try:
        with members(archive, problems) as found:
            for member in found:
                check()
                if (problem := _unpack_one(target, member, budget)) is not None:
                    budget.spend(member.size)
                    problems.append(problem)
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno not in (errno.EINVAL, None):
            raise
        raise Invalid(
            "damaged_archive",
            f"The archive cannot be read: {error or type(error).__name__}",
            hint="It may be cut short or damaged. Copy or make it anew and import again.",
        ) from error
    except (RuntimeError, NotImplementedError) as error:
        raise Invalid(
            "archive_not_supported",
            f"The archive cannot be unpacked: {error}",
            hint="Make it anew without a password, as plain zip or tar.",
        ) from error
    return problems


def _unpack_one(target: Path, member: Member, budget: "_Budget") -> Problem | None:
    """Unpack one entry; return why it was left out, if it was."""
    name = member.name
    if not _is_utf8(name):
        return _left_out(name, "unreadable_name", "The name of this entry is not UTF-8; left out.")
    if member.open is None:
        return _left_out(name, "unsafe_archive_entry", member.why)
    if (place := _place(target, name)) is None:
        why = "The path of this entry is nested too deep, holds a NUL, or leads out of the archive; left out."
        return _left_out(name, "unsafe_archive_entry", why)
    if name.lower().endswith(_ARCHIVES):
        why = "An archive within the archive is not unpacked; left out."
        mend = "Unpack it first and pack its files with the others, or import it on its own."
        return _left_out(name, "nested_archive", why, mend)
    try:
        _copy(member.open, place, budget)
    except FileExistsError:
        why = "The archive has another entry of this name, or of one that the disk takes for the same; left out."
        return _left_out(name, "duplicate_archive_entry", why)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        why = f"This entry of the archive cannot be unpacked: {error.strerror or error}; left out."
        return _left_out(name, "unreadable_archive_entry", why)
    return None


class _Budget:
    """Counts what was unpacked."""

    def __init__(self, limit: int) -> None:
        self._bytes = limit
        self._files = MAX_FILES

    def spend(self, count: int) -> None:
        self._bytes -= count
        if self._bytes < 0:
            raise Invalid("archive_too_large", f"The archive unpacks to more than {MAX_EXPANSION} times its size.")

    def spend_file(self) -> None:
        self._files -= 1
        if self._files < 0:
            raise too_many()


def _place(target: Path, name: str) -> Path | None:
    """Return where a member goes, or None where its name would lead out of `target`."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0] == "/" or ".." in parts or ":" in parts[0] or "\0" in name:
        return None
    if len(parts) > _MAX_DEPTH or any(len(part.encode()) > 255 for part in parts):
        return None
    return target.joinpath(*parts)


def _copy(open_member: Opener, place: Path, budget: _Budget) -> None:
    budget.spend_file()
    place.parent.mkdir(parents=True, exist_ok=True)
    with open_member() as source, place.open("xb") as out:
        try:
            while block := source.read(_BLOCK):
                budget.spend(len(block))
                out.write(block)
        except OSError:
            # Half a file could pass for a whole image.
            place.unlink(missing_ok=True)
            raise


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _left_out(name: str, code: str, message: str, mend: str | None = None) -> Problem:
    return Problem(
        severity="error", code=code, file=printable(name).replace("\0", " ")[:300], message=message, mend=mend
    )
