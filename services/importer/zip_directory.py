"""The directory of a zip archive, read before `zipfile` does: names it would trip over, and how many entries it has."""

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_UTF8: Final = 0x800
_ENTRY: Final = struct.Struct("<4s4xH18xHHH12x")
"""Signature, flags, and the lengths of name, extra and comment."""
_END: Final = struct.Struct("<4s8xL6x")
"""Signature and the size of the directory."""
_END64: Final = struct.Struct("<4s36xQ8x")
_LOCATOR_SIZE: Final = 20
_MAX_COMMENT: Final = 0xFFFF


class ZipSource(io.BufferedReader):
    """The bytes of a zip archive, in which entries with a broken name no longer claim that it is UTF-8.

    `zipfile` refuses a whole archive for one such name. Names that do not claim to be UTF-8 it reads as code page 437,
    in which every byte is a letter.
    """

    def __init__(self, path: Path, max_entries: int) -> None:
        super().__init__(io.FileIO(path))
        self._mended: dict[int, bytes] = {}
        """New bytes by their place in the file."""
        self._first = 0
        self.broken: set[str] = set()
        """The names that were mended, as `zipfile` will spell them."""
        self.too_many = False
        for count, (place, flags, name) in enumerate(self._entries(), 1):
            if count > max_entries:
                self.too_many = True
                break
            if flags & _UTF8 and not _is_utf8(name):
                self._mended[place + 8] = struct.pack("<H", flags & ~_UTF8)
                self.broken.add(name.decode("cp437"))
        self.seek(0)
        self._first = min(self._mended, default=0)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read with the mended bytes in their places."""
        start = self.tell()
        data = super().read(size)
        if not self._mended or start + len(data) <= self._first or start > max(self._mended) + 1:
            return data
        mended = bytearray(data)
        for place, new in self._mended.items():
            for index, value in enumerate(new, place - start):
                if 0 <= index < len(mended):
                    mended[index] = value
        return bytes(mended)

    def _entries(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield place, flags and name of each entry of the directory, as far as it can be read."""
        start, size = self._directory()
        self.seek(start)
        directory = super().read(size)
        place = 0
        while place + _ENTRY.size <= len(directory):
            signature, flags, *lengths = _ENTRY.unpack_from(directory, place)
            if signature != b"PK\x01\x02":
                return
            name = place + _ENTRY.size
            yield start + place, flags, directory[name : name + lengths[0]]
            place = name + sum(lengths)

    def _directory(self) -> tuple[int, int]:
        """Return where the directory starts, and its size; the record of the end is right behind it."""
        length = self.seek(0, io.SEEK_END)
        before = max(0, length - _MAX_COMMENT - _END.size - _LOCATOR_SIZE - _END64.size)
        self.seek(before)
        tail = super().read()
        end = tail.rfind(b"PK\x05\x06")
        if end < 0 or end + _END.size > len(tail):
            return 0, 0
        size = _END.unpack_from(tail, end)[1]
        end64 = end - _LOCATOR_SIZE - _END64.size
        if size == 0xFFFFFFFF and end64 >= 0 and tail[end64 : end64 + 4] == b"PK\x06\x06":
            end, size = end64, _END64.unpack_from(tail, end64)[1]
        start = before + end - size
        return (start, size) if start >= 0 else (0, 0)


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True
