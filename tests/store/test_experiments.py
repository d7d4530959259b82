"""Checkpoints that survive a kill at any instant."""

from pathlib import Path

import pytest

from shared.errors import NotFound
from shared.schemas.experiment import Configuration, Experiment, Hardware
from shared.store import documents
from shared.store.experiments import ExperimentStore

ID = "experiment-00000001"


@pytest.fixture
def store(tmp_path: Path) -> ExperimentStore:
    store = ExperimentStore(tmp_path)
    configuration = Configuration(
        split_id="split-00000001",
        dataset_revision=1,
        architecture="a",
        params={},
        augmentations=[],
        hardware=Hardware(),
    )
    store.create(Experiment(id=ID, project_id="project-00000001", name="One", configuration=configuration))
    return store


def save(store: ExperimentStore, content: bytes, epoch: int = 1) -> None:
    store.save_checkpoint(ID, "last", lambda path: path.write_bytes(content) and None, epoch=epoch, metric=None)


def files(store: ExperimentStore) -> list[bytes]:
    return sorted(path.read_bytes() for path in (store.folder(ID) / "checkpoints").glob("*.ckpt"))


def test_a_kill_before_the_manifest_is_written_keeps_the_old_checkpoint(
    store: ExperimentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(store, b"old")
    before = store.checkpoints(ID)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(documents, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            save(store, b"newer", epoch=2)
    assert store.checkpoints(ID) == before
    assert store.checkpoint_path(ID, "last").read_bytes() == b"old"
    save(store, b"newest", epoch=3)
    assert files(store) == [b"newest"]
    assert [info.epoch for info in store.checkpoints(ID)] == [3]


def test_a_save_that_fails_keeps_the_old_checkpoint(store: ExperimentStore) -> None:
    save(store, b"old")

    def refuse(path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.save_checkpoint(ID, "last", refuse, epoch=2, metric=None)
    assert files(store) == [b"old"]


def test_a_checkpoint_answers_to_its_short_names(store: ExperimentStore) -> None:
    save(store, b"content")
    info = store.checkpoint(ID, "last")
    assert info.file.startswith("last-")
    assert store.checkpoint(ID, "last.ckpt") == store.checkpoint(ID, info.file) == info
    with pytest.raises(NotFound) as caught:
        store.checkpoint_path(ID, "best")
    assert "last" in (caught.value.hint or "")


def test_a_damaged_experiment_does_not_hide_the_others(store: ExperimentStore, tmp_path: Path) -> None:
    (tmp_path / "experiment-00000002").mkdir()
    (tmp_path / "experiment-00000002" / "experiment.json").write_bytes(b"{")
    assert [item.id for item in store.list()] == [ID]
