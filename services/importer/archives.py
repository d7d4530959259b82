"""The entries of zip and tar archives, read so that a hostile or damaged one costs an error and nothing else."""

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Final, Self

from services.importer.zip_directory import ZipSource
from shared.errors import Invalid
from shared.schemas.dataset import Problem

Opener = Callable[[], IO[bytes]]
MAX_FILES = 5_000_000
_MAX_NAME = 1024 * 1024
_UTF8_FLAG: Final = 0x800
_OTHER_KINDS: Final = {b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!\x1a\x07": "RAR", b"\x28\xb5\x2f\xfd": "Zstandard"}
"""Archives that are recognised by how they start and not read."""
_NAME_TYPES: Final = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
"""Entries of a tar that `tarfile` reads into memory whole."""
DAMAGE: Final = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
    LookupError,
    OverflowError,
    OSError,
)
"""What the readers raise on damaged archives; an `OSError` counts only without a cause, or with `EINVAL`."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive: its name, the size it claims, and what opens it, or why it is left out."""

    name: str
    size: int
    open: Opener | None
    why: str = "This entry of the archive is a link or a device; left out."


def refuse_other_kinds(archive: Path) -> None:
    """Look whether an archive is of a known kind that is not read.

    Raises:
        Invalid: it is.
    """
    with archive.open("rb") as file:
        start = file.read(8)
    kind = next((name for magic, name in _OTHER_KINDS.items() if start.startswith(magic)), None)
    if kind is not None:
        raise Invalid(
            "archive_not_supported",
            f"Archives of the kind {kind} are not read.",
            hint="Unpack it and pack the files as zip, tar, tar.gz, tar.bz2 or tar.xz, or import the folder.",
        )


@contextmanager
def members(archive: Path, problems: list[Problem]) -> Iterator[Iterator[Member]]:
    """Give an archive's files; those that must not be unpacked have no opener."""
    if zipfile.is_zipfile(archive):
        with ZipSource(archive, MAX_FILES) as source:
            if source.too_many:
                raise too_many()
            with zipfile.ZipFile(source) as opened:
                yield _zip_members(opened, source.broken, problems)
    else:
        with tarfile.open(archive, "r|*", errors="surrogateescape", tarinfo=_TarEntry) as opened_tar:
            yield _tar_members(opened_tar)


def _zip_members(opened: zipfile.ZipFile, broken: set[str], problems: list[Problem]) -> Iterator[Member]:
    infos = [info for info in opened.infolist() if not info.is_dir()]
    _check_entries(infos)
    guessed = 0
    for info in infos:
        name, claims_utf8 = info.filename, bool(info.flag_bits & _UTF8_FLAG)
        if not claims_utf8 and info.orig_filename in broken:
            name = info.orig_filename.encode("cp437").decode("utf-8", "surrogateescape")
        elif not claims_utf8 and not name.isascii():
            name, is_guess = _zip_name(name)
            guessed += is_guess
        kind = (info.external_attr >> 16) & 0o170000
        is_file = kind in (0, 0o100000)
        yield Member(name, info.file_size, partial(opened.open, info) if is_file else None)
    if guessed:
        message = f"{guessed:,} names in the archive do not say their encoding; letters other than a to z may be wrong."
        mend = "Pack the files with a program that writes names as UTF-8, or as tar, if names of classes look odd."
        problems.append(Problem(severity="warning", code="guessed_names", message=message, mend=mend))


def _zip_name(name: str) -> tuple[str, bool]:
    """Return a name that `zipfile` read as code page 437 as UTF-8 if it is, and else whether that was a guess."""
    try:
        return name.encode("cp437").decode(), False
    except UnicodeError:
        return name, True


def _check_entries(infos: list[zipfile.ZipInfo]) -> None:
    """Refuse what is encrypted, and bombs whose entries share their bytes.

    Raises:
        Invalid: either.
    """
    end = -1
    for info in sorted(infos, key=lambda item: item.header_offset):
        if info.flag_bits & 1:
            raise Invalid(
                "archive_not_supported",
                f"The archive is encrypted: {info.filename[:300]!r} needs a password.",
                hint="Make it anew without a password, as plain zip or tar.",
            )
        if info.header_offset < end:
            raise Invalid("unsafe_archive", "Entries of the archive overlap, as only those of a zip bomb do.")
        end = info.header_offset + info.compress_size


def _tar_members(opened: tarfile.TarFile) -> Iterator[Member]:
    for info in opened:
        if info.isdir():
            continue
        file = opened.extractfile(info) if info.isreg() else None
        yield Member(info.name, info.size, None if file is None else partial(_itself, file))
        opened.members.clear()  # type: ignore[attr-defined]


class _TarEntry(tarfile.TarInfo):
    """Raises where `tarfile` would take a damaged header for the end of the archive, and for endless names."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            found = super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"{error or 'it is cut short'}") from error
        if found.type in _NAME_TYPES and found.size > _MAX_NAME:
            raise tarfile.ReadError("a name or comment is longer than a megabyte")
        return found


def _itself(file: IO[bytes]) -> IO[bytes]:
    return file


def too_many() -> Invalid:
    """Return the error for an archive with more than `MAX_FILES` files."""
    return Invalid("archive_too_large", f"The archive has more than {MAX_FILES:,} files.")
