"""Text of tables, line by line: files may be larger than memory, and are written in many encodings."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shared.taskkit.formats.label_files import Unreadable

_BLOCK = 1 << 20
_MAX_LINE = 1 << 20
"""Characters; what has longer lines is no table."""
_MEND = "Save the file with the encoding UTF-8."


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file's bytes are text; where that is a guess, the line of the first byte that UTF-8 does not have."""

    name: str
    guessed_at: int | None = None


def encoding_of(path: Path) -> Encoding:
    """Return the encoding of a file: UTF-16, UTF-8, each with or without a byte order mark, or else Windows-1252.

    Raises:
        Unreadable: the file cannot be opened or is no text.
    """
    first = _first(path)
    name = _marked(first)
    if (line := _undecodable(path, name)) is None:
        return Encoding(name)
    may_be_guessed = name == "utf-8-sig" and not first.startswith(codecs.BOM_UTF8) and not _has_zeros(path)
    if may_be_guessed and _undecodable(path, "cp1252") is None:
        return Encoding("cp1252", line)
    raise Unreadable("Not text in UTF-8", line, _MEND)


def read_lines(path: Path, encoding: str) -> Iterator[str]:
    """Yield the lines of a file, each ended by a line feed.

    Raises:
        Unreadable: the file cannot be read, or a line has more than a million characters.
    """
    try:
        with path.open(encoding=encoding) as file:
            number = 0
            while line := file.readline(_MAX_LINE):
                number += 1
                if len(line) == _MAX_LINE:
                    raise Unreadable("The line is too long for a table", number, "Write one row an image or object.")
                yield line
    except (OSError, UnicodeError) as error:
        raise Unreadable(f"Cannot be read: {error}", None, _MEND) from error


def _first(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4)
    except OSError as error:
        raise Unreadable(f"Cannot be opened: {error.strerror}") from error


def _marked(first: bytes) -> str:
    """Return what a byte order mark, or the zeros of letters in UTF-16, say of the encoding."""
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(first) == 4 and first[0] and first[2] and not first[1] and not first[3]:
        return "utf-16-le"
    if len(first) == 4 and first[1] and first[3] and not first[0] and not first[2]:
        return "utf-16-be"
    return "utf-8-sig"


def _undecodable(path: Path, encoding: str) -> int | None:
    """Return the line of the first byte that an encoding does not have; None where all is well."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    for block in _blocks(path):
        try:
            decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            return line + error.object[: error.start].count(b"\n")
        line += block.count(b"\n")
    return None


def _has_zeros(path: Path) -> bool:
    return any(b"\0" in block for block in _blocks(path))


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield a file in blocks, the last one empty."""
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
    except OSError as error:
        raise Unreadable(f"Cannot be opened: {error.strerror}") from error
    yield b""
