import multiprocessing
from pathlib import Path

import pytest

from shared.errors import NotFound, Stale
from shared.schemas.project import Project
from shared.store import documents
from shared.store.documents import DamagedDocument
from shared.store.workspace import Workspace


def _project(name: str = "a") -> Project:
    return Project(id="project-00000001", name=name, task="some_task")


def _rename_many(path: Path, count: int) -> None:
    for _ in range(count):
        documents.update(Project, path, lambda item: item.model_copy(update={"name": item.name + "x"}))


def test_concurrent_updates_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "project.json"
    documents.write(_project(), path)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_rename_many, args=(path, 20)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    after = documents.read(Project, path)
    assert after.name == "a" + "x" * 60
    assert after.revision == 61


def test_a_stale_revision_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "project.json"
    documents.write(_project(), path)
    documents.update(Project, path, lambda item: item, revision=1)
    with pytest.raises(Stale):
        documents.update(Project, path, lambda item: item, revision=1)


def test_a_change_that_breaks_the_schema_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "project.json"
    documents.write(_project(), path)
    with pytest.raises(ValueError):
        documents.update(Project, path, lambda item: item.model_copy(update={"name": ""}))
    assert documents.read(Project, path).name == "a"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"id": 1}', b"\xff\xfe"])
def test_a_damaged_document_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "project.json"
    path.write_bytes(content)
    with pytest.raises(DamagedDocument, match=r"project\.json"):
        documents.read(Project, path)


def test_a_document_of_a_newer_studio_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "project.json"
    path.write_text('{"schema_version": 99, "something": "new"}')
    with pytest.raises(DamagedDocument, match="newer version"):
        documents.read(Project, path)


@pytest.mark.parametrize("bad", ["..", "../../etc", "project-1", "project-0000000g", "", "x" * 10_000, "a/b", "\0"])
def test_only_well_formed_ids_reach_the_disk(tmp_path: Path, bad: str) -> None:
    workspace = Workspace(tmp_path)
    workspace.prepare()
    with pytest.raises(NotFound) as caught:
        workspace.projects.get(bad)
    assert caught.value.code == "project_not_found"
    assert len(caught.value.message) < 200


def test_a_damaged_project_does_not_hide_the_others(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.prepare()
    good, bad = (workspace.projects.create(name, "some_task") for name in ("good", "bad"))
    (workspace.projects.folder(bad.id) / "project.json").write_text("{")
    assert [item.id for item in workspace.projects.list()] == [good.id]
    with pytest.raises(DamagedDocument):
        workspace.projects.get(bad.id)


def test_reading_many_skips_what_vanished(tmp_path: Path) -> None:
    documents.write(_project(), tmp_path / "project.json")
    paths = [tmp_path / "gone.json", tmp_path / "project.json", tmp_path / "project.json" / "below.json"]
    assert documents.read_all(Project, paths) == [_project().model_copy(update=_times(tmp_path))]


def _times(folder: Path) -> dict[str, object]:
    stored = documents.read(Project, folder / "project.json")
    return {"created_at": stored.created_at, "updated_at": stored.updated_at}
