import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.importer.files import list_files, unpack
from shared.errors import Invalid
from shared.schemas.project import Project
from shared.store.lifecycle import Finalize, Succeed
from shared.store.workspace import Workspace
from tests.support.generated import shape_image


def no_check() -> None:
    """Nobody cancels."""


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def make_tar(path: Path, members: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def things() -> dict[str, bytes]:
    return {f"wrap/train/class-{number % 2}/{number}.jpg": shape_image(number % 2, number) for number in range(4)}


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_an_archive_imports_like_its_folder(
    do_import: Callable[..., dict[str, Any]], workspace: Workspace, project: Project, tmp_path: Path, kind: str
) -> None:
    archive = tmp_path / f"things.{kind}"
    if kind == "zip":
        make_zip(archive, things() | {"__MACOSX/wrap/._x.jpg": b"junk"})
    else:
        make_tar(archive, things(), "w:gz" if kind == "tar.gz" else "w")
    assert do_import(archive)["added"] == 4
    assert {item.name for item in workspace.dataset(project.id).head().classes} == {"class-0", "class-1"}
    assert archive.exists(), "an archive of the server's own disk is not the studio's to delete"
    job = workspace.jobs.list()[0]
    assert list(workspace.jobs.folder(job.id).glob("unpacked")), "a run that is repeated may need it"
    workspace.jobs.apply(job.id, Finalize(job.epoch))
    workspace.jobs.apply(job.id, Succeed(job.epoch, {}))
    assert not list(workspace.jobs.folder(job.id).glob("unpacked"))
    assert archive.exists()


@pytest.mark.parametrize("name", ["../evil.jpg", "/etc/evil.jpg", "a/../../evil.jpg", "..\\evil.jpg", "C:\\evil.jpg"])
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_nothing_is_written_outside(tmp_path: Path, make: Callable[..., Path], name: str) -> None:
    inside = tmp_path / "deep" / "inside"
    problems = unpack(make(tmp_path / "archive", {name: b"x", "good.txt": b"y"}), inside, no_check)
    assert [item.code for item in problems] == ["unsafe_archive_entry"]
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == [
        "archive",
        "deep/inside/good.txt",
    ]


def test_links_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (("soft", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("device", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    problems = unpack(path, tmp_path / "inside", no_check)
    assert [item.file for item in problems] == ["soft", "hard", "device"]
    assert not (tmp_path / "inside").exists()


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "bomb.zip", {"zeros.jpg": bytes(300 * 1024 * 1024)})
    with pytest.raises(Invalid) as caught:
        unpack(archive, tmp_path / "inside", no_check)
    assert caught.value.code == "archive_too_large"


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 but no more", b"just text", b"\x1f\x8b broken"])
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "archive.zip"
    path.write_bytes(data)
    with pytest.raises(Invalid) as caught:
        unpack(path, tmp_path / "inside", no_check)
    assert caught.value.code == "damaged_archive"


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "secret.zip", {"a/1.jpg": b"data"})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    path.write_bytes(bytes(data))
    with pytest.raises(Invalid) as caught:
        unpack(path, tmp_path / "inside", no_check)
    assert caught.value.code == "archive_not_supported"
    assert caught.value.hint


def test_what_is_no_file_of_the_folder_is_left_out_and_listed(tmp_path: Path) -> None:
    root = tmp_path / "root" / "class"
    root.mkdir(parents=True)
    (tmp_path / "outside.jpg").write_bytes(b"x")
    (root / "inside.jpg").write_bytes(b"x")
    (root / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (root / "dangling.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (root / "twin.jpg").symlink_to(root / "inside.jpg")
    os.mkfifo(root / "labels.csv")
    (root / ".hidden").mkdir()
    (root / "elsewhere").symlink_to(tmp_path)
    files, problems = list_files(tmp_path / "root", no_check)
    assert files == [Path("class/inside.jpg"), Path("class/twin.jpg")]
    assert {(item.file, item.code) for item in problems} == {
        ("class/link.jpg", "file_left_out"),
        ("class/dangling.jpg", "file_left_out"),
        ("class/labels.csv", "file_left_out"),
        ("class/.hidden", "folder_left_out"),
        ("class/elsewhere", "folder_left_out"),
    }


def test_damaged_compressed_data_is_a_damaged_archive(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "bad.zip", {"a/1.jpg": bytes(range(256)) * 50})
    data = bytearray(path.read_bytes())
    start = 30 + len("a/1.jpg")
    data[start : start + 20] = b"\xff" * 20
    path.write_bytes(bytes(data))
    with pytest.raises(Invalid) as caught:
        unpack(path, tmp_path / "inside", no_check)
    assert caught.value.code == "damaged_archive"


@pytest.mark.parametrize("make", [make_zip, make_tar])
@pytest.mark.parametrize("names", [["a", "a/b"], ["a/b", "a"], ["a", "/".join(["x" * 250] * 20)], ["a", "d/" * 1500]])
def test_an_entry_that_has_no_place_is_left_out_and_listed(
    tmp_path: Path, make: Callable[..., Path], names: list[str]
) -> None:
    members = {name.rstrip("/") + ("" if len(name) < 3000 else "/e"): b"x" for name in names} | {"good.txt": b"y"}
    problems = unpack(make(tmp_path / "archive", members), tmp_path / "inside", no_check)
    assert len(problems) == 1
    assert (tmp_path / "inside" / "good.txt").read_bytes() == b"y"


def test_a_name_that_is_not_utf8_costs_only_its_entry(tmp_path: Path) -> None:
    path = tmp_path / "latin.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, encoding="latin-1") as archive:
        for name in ("caf\xe9.jpg", "good.jpg"):
            info = tarfile.TarInfo(name)
            info.size = 1
            archive.addfile(info, io.BytesIO(b"x"))
    problems = unpack(path, tmp_path / "inside", no_check)
    assert [(item.code, item.file) for item in problems] == [("unreadable_name", "caf\ufffd.jpg")]
    assert (tmp_path / "inside" / "good.jpg").exists()


def test_a_pax_name_with_a_nul_costs_only_its_entry(tmp_path: Path) -> None:
    path = tmp_path / "nul.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("first.jpg", "class/odd.jpg", "last.jpg"):
            info = tarfile.TarInfo(name)
            info.size = 1
            info.pax_headers = {"path": "class/o\0d.jpg"} if "odd" in name else {}
            archive.addfile(info, io.BytesIO(b"x"))
    problems = unpack(path, tmp_path / "inside", no_check)
    assert [(item.code, item.file) for item in problems] == [("unsafe_archive_entry", "class/o d.jpg")]
    assert sorted(item.name for item in (tmp_path / "inside").iterdir()) == ["first.jpg", "last.jpg"]
