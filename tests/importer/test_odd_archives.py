import bz2
import gzip
import io
import lzma
import random
import stat
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from services.importer import archives
from services.importer.files import unpack
from shared.errors import Invalid
from tests.importer.test_archives import make_tar, make_zip, no_check


def refused(path: Path) -> Invalid:
    """Return the error, which has left nothing behind and says how to mend the archive."""
    target = path.parent / "inside"
    with pytest.raises(Invalid) as caught:
        unpack(path, target, no_check)
    assert not target.exists()
    return caught.value


def found(path: Path) -> tuple[list[tuple[str, str | None]], dict[str, bytes]]:
    """Unpack; return codes and names of the problems, and the files."""
    target = path.parent / "inside"
    problems = [(item.code, item.file) for item in unpack(path, target, no_check)]
    return problems, {str(file.relative_to(target)): file.read_bytes() for file in target.rglob("*") if file.is_file()}


def with_names(path: Path, names: dict[str, bytes], *, utf8: bool) -> Path:
    """Change names in a zip to other bytes of the same length, with or without the mark of UTF-8."""
    data = path.read_bytes()
    for old, new in names.items():
        assert len(old) == len(new)
        data = data.replace(old.encode(), new)
    changed = bytearray(data)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := changed.find(signature, place + 1)) >= 0:
            changed[place + offset + 1] = 0x08 if utf8 else 0
    path.write_bytes(bytes(changed))
    return path


@pytest.mark.parametrize("comment", [b"", b"a comment" * 1000])
def test_a_zip_name_that_claims_utf8_and_is_not_costs_only_its_entry(tmp_path: Path, comment: bytes) -> None:
    path = make_zip(tmp_path / "a.zip", {"class/xx.jpg": b"one", "class/good.jpg": b"two", "x/yy.jpg": b"three"})
    with_names(path, {"xx.jpg": b"\xff\xfe.jpg", "yy.jpg": "é.jpg".encode()}, utf8=True)
    with zipfile.ZipFile(make_zip(tmp_path / "empty.zip", {}), "a") as empty:
        empty.comment = comment
    data, end = path.read_bytes(), (tmp_path / "empty.zip").read_bytes()
    path.write_bytes(data[:-2] + end[-len(comment) - 2 :])
    problems, files = found(path)
    assert problems == [("unreadable_name", "class/\ufffd\ufffd.jpg")]
    assert files == {"class/good.jpg": b"two", "x/é.jpg": b"three"}


def test_names_without_an_encoding_are_utf8_where_they_can_be_and_else_told(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"a-----.jpg": b"1", "b----.jpg": b"2", "c---.jpg": b"3"})
    changes = {"a-----": "日本".encode(), "b----": "日本".encode("shift-jis") + b"_", "c---": "Größ".encode("cp437")}
    with_names(path, changes, utf8=False)
    problems, files = found(path)
    assert problems == [("guessed_names", None)]
    assert sorted(files.values()) == [b"1", b"2", b"3"]
    assert files["日本.jpg"] == b"1"
    assert files["Größ.jpg"] == b"3"


def test_an_archive_whose_entries_are_partly_encrypted_is_refused_by_name(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"a.jpg": b"1", "secret.jpg": b"2"})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rindex(signature) + offset] |= 1
    path.write_bytes(bytes(data))
    error = refused(path)
    assert error.code == "archive_not_supported"
    assert "secret.jpg" in error.message
    assert "password" in (error.hint or "")


def test_zip64_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.zip"
    with zipfile.ZipFile(path, "w") as archive, archive.open("class/a.jpg", "w", force_zip64=True) as entry:
        entry.write(b"content")
    data = path.read_bytes()
    end = data.rindex(b"PK\x05\x06")
    count, size, start = struct.unpack_from("<10xHLL", data, end)
    record = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    final = struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(data[:end] + record + locator + final)
    assert found(path) == ([], {"class/a.jpg": b"content"})
    with_names(path, {"a.jpg": b"\xff.jpg"}, utf8=True)
    assert [code for code, _ in found(path)[0]] == ["unreadable_name"]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_of_every_compression_is_read_and_when_cut_refused(tmp_path: Path, mode: str) -> None:
    noise = random.Random(1)
    members = {f"class/{number}.jpg": noise.randbytes(3000) for number in range(20)}
    path = make_tar(tmp_path / "a.tar", members, mode)
    assert found(path) == ([], members)
    whole = path.read_bytes()
    for share in (0.2, 0.5, 0.8):
        (tmp_path / str(share)).mkdir()
        cut = tmp_path / str(share) / "a.tar"
        cut.write_bytes(whole[: int(len(whole) * share)])
        error = refused(cut)
        assert error.code == "damaged_archive"
        assert error.hint


def test_a_tar_cut_between_two_entries_or_damaged_in_a_header_is_refused(tmp_path: Path) -> None:
    whole = make_tar(tmp_path / "a.tar", {f"{number}.jpg": bytes(512) for number in range(5)}, "w").read_bytes()
    for name, data in {"cut": whole[: 2 * 1024], "damaged": whole[:2048] + b"?" * 100 + whole[2148:]}.items():
        (tmp_path / name).mkdir()
        path = tmp_path / name / "a.tar"
        path.write_bytes(data)
        assert refused(path).code == "damaged_archive"


def test_a_truncated_zip_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {f"{number}.jpg": bytes(range(256)) * 9 for number in range(20)})
    path.write_bytes(path.read_bytes()[:-200])
    assert refused(path).code == "damaged_archive"


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_archives_within_are_listed_and_not_unpacked(tmp_path: Path, make: Callable[..., Path]) -> None:
    inner = make_zip(tmp_path / "inner.zip", {"a.jpg": b"x"}).read_bytes()
    problems, files = found(make(tmp_path / "a", {"more/inner.ZIP": inner, "more.tar.gz": b"", "good.jpg": b"x"}))
    assert problems == [("nested_archive", "more/inner.ZIP"), ("nested_archive", "more.tar.gz")]
    assert files == {"good.jpg": b"x"}


def test_the_second_entry_of_a_name_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "twice.tar"
    with tarfile.open(path, "w") as archive:
        for name, data in (("a.jpg", b"1"), ("./a.jpg", b"2"), ("A.jpg", b"3")):
            info = tarfile.TarInfo(name)
            info.size = 1
            archive.addfile(info, io.BytesIO(data))
    problems, files = found(path)
    assert problems == [("duplicate_archive_entry", "./a.jpg")]
    assert files == {"a.jpg": b"1", "A.jpg": b"3"}


def test_devices_and_links_in_a_zip_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, kind in (("device", stat.S_IFCHR), ("pipe", stat.S_IFIFO), ("link", stat.S_IFLNK)):
            info = zipfile.ZipInfo(name)
            info.external_attr = (kind | 0o644) << 16
            archive.writestr(info, "/etc/passwd")
    problems, files = found(path)
    assert [name for _, name in problems] == ["device", "pipe", "link"]
    assert not files


def test_entries_that_share_their_bytes_are_a_bomb(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"a.jpg": bytes(5000), "b.jpg": bytes(5000)})
    data = bytearray(path.read_bytes())
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = bytes(4)
    path.write_bytes(bytes(data))
    assert refused(path).code == "unsafe_archive"


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_too_many_files_are_refused(tmp_path: Path, make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / "a", {f"{number}.txt": b"" for number in range(30)})
    monkeypatch.setattr(archives, "MAX_FILES", 20)
    monkeypatch.setattr("services.importer.files.MAX_FILES", 20)
    assert refused(path).code == "archive_too_large"


@pytest.mark.parametrize(
    ("start", "kind"), [(b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!\x1a\x07\x01", "RAR"), (b"\x28\xb5\x2f\xfd", "Zstandard")]
)
def test_other_kinds_of_archives_are_named(tmp_path: Path, start: bytes, kind: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(start + bytes(100))
    error = refused(path)
    assert error.code == "archive_not_supported"
    assert kind in error.message
    assert "zip" in (error.hint or "")


def test_a_comment_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 150 * 1024 * 1024
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(header.tobuf(tarfile.USTAR_FORMAT) + bytes(header.size), 9))
    tracemalloc.start()
    assert refused(path).code == "damaged_archive"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def samples(folder: Path) -> list[bytes]:
    noise = random.Random(2)
    members = {f"class-{number % 2}/é{number}.jpg": noise.randbytes(200) + bytes(200) for number in range(6)}
    plain = make_tar(folder / "a.tar", members, "w").read_bytes()
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data, zipfile.ZIP_BZIP2 if "3" in name else None)
    packed = make_zip(folder / "a.zip", members).read_bytes()
    return [plain, packed, stored.getvalue(), gzip.compress(plain), bz2.compress(plain), lzma.compress(plain)]


def mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        place = chance.randrange(len(changed))
        match chance.randrange(4):
            case 0:
                changed[place] = chance.randrange(256)
            case 1:
                changed[place : place + 4] = chance.choice((b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"))
            case 2:
                del changed[place : place + chance.randrange(1, 40)]
            case _:
                changed[place:place] = changed[: chance.randrange(1, 600)]
    return bytes(changed)


def test_a_thousand_damaged_archives_are_refused_or_unpacked_inside(tmp_path: Path) -> None:
    chance = random.Random(5)
    (tmp_path / "samples").mkdir()
    kinds = samples(tmp_path / "samples")
    (tmp_path / "work").mkdir()
    path, target = tmp_path / "work" / "a", tmp_path / "work" / "inside"
    refusals = 0
    for number in range(1000):
        path.write_bytes(mutated(kinds[number % len(kinds)], chance))
        try:
            unpack(path, target, no_check)
        except Invalid:
            refusals += 1
            assert not target.exists()
        assert {item.name for item in (tmp_path / "work").iterdir()} <= {"a", "inside"}
        for file in sorted(target.rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
    assert 300 < refusals < 1000
