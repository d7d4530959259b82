"""Files to read in the tests of format readers."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.errors import Invalid
from shared.taskkit.formats.rows import Reader, Reading

DATA = Path(os.environ.get("AI_STUDIO_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the reference data is not on this machine")
PARSERS = DATA / "fixtures" / "parsers"

Read = Callable[..., Reading]
_JUNK = (
    *(b"NaN", b"1e999", b"1e308", b"-1e308", b"1" * 5000, b"1_0", b"null", b"true", b"[]", b"{}", b"[", b"{"),
    *(b'"', b"'", b",", b";", b"|", b"\t", b"\n", b"\r", b"\0", b"\xff", b"\xe2\x80\xa8", b"\\ud800", b"&b;"),
    *(b"<", b"</", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"../..", b"UTF-16", b"gbk", b"- ", b"&a ", b"*a", b": "),
)


def below(root: Path, *more: str) -> list[Path]:
    """Return the files below a folder as readers get them, and more names that need no content."""
    found = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
    return sorted({*found, *map(Path, more)})


def told(reading: Reading) -> set[tuple[str, str | None, int | None]]:
    """Return code, file and line of each problem."""
    return {(item.code, item.file, item.line) for item in reading.problems}


def refusal_of(reader: Reader, root: Path, *images: str) -> Invalid:
    """Return the refusal of the files below a folder."""
    with pytest.raises(Invalid) as caught:
        reader.read(root, below(root, *images))
    return caught.value


def mutations(data: bytes, count: int, seed: int = 0) -> Iterator[bytes]:
    """Yield copies of data with bytes changed, cut, doubled and replaced by what readers may trip over."""
    rng = random.Random(seed)
    for _ in range(count):
        changed = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(changed) + 1)
            end = at + rng.randint(0, 12)
            part = rng.choice((rng.choice(_JUNK), b"", bytes([rng.randrange(256)]), bytes(changed[at:end]) * 2))
            changed[at:end] = part
        yield bytes(changed)


def survives(reader: Reader, root: Path, file: str, images: list[str], count: int = 300) -> int:
    """Read a file in `count` damaged versions; return how many were read. The others are refused."""
    whole = (root / file).read_bytes()
    read = 0
    for damaged in mutations(whole, count):
        (root / file).write_bytes(damaged)
        files = below(root, *images)
        reader.recognises(root, files)
        try:
            reading = reader.read(root, files)
        except Invalid:
            continue
        read += 1
        assert all(item.model_dump_json() for item in reading.problems)
    (root / file).write_bytes(whole)
    return read
