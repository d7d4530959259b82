import contextlib
import errno
import logging
import os
import threading
from pathlib import Path

import pytest

from shared.errors import DiskFull, NotFound
from shared.schemas.job import Job, JobKind, JobStatus
from shared.store import jobs as jobs_module
from shared.store.jobs import JobStore
from shared.store.lifecycle import Claim, Finalize, Refused, RequestCancel, Succeed


@pytest.fixture
def jobs(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path)


@pytest.fixture
def job(jobs: JobStore) -> Job:
    return jobs.create(JobKind.IMPORT, "project-00000001", "Import", {})


def test_of_many_claims_at_once_one_wins(jobs: JobStore, job: Job) -> None:
    won = []

    def claim(number: int) -> None:
        with contextlib.suppress(Refused):
            won.append(jobs.apply(job.id, Claim(f"w{number}", 30)))

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert jobs.get(job.id).owner == won[0].owner


def test_events_are_numbered_without_gaps_whoever_writes(jobs: JobStore, job: Job) -> None:
    def write() -> None:
        for number in range(25):
            jobs.append_event(job.id, "progress", {"n": number})

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event.seq for event in jobs.events(job.id)] == list(range(1, 101))
    assert [event.seq for event in jobs.events(job.id, after=98)] == [99, 100]
    assert jobs.last_seq(job.id) == 100


def test_a_half_written_event_is_cut_off(jobs: JobStore, job: Job) -> None:
    jobs.append_event(job.id, "progress", {"n": 1})
    path = jobs.folder(job.id) / "events.jsonl"
    path.write_bytes(path.read_bytes() + b'{"seq": 2, "na')
    assert [event.seq for event in jobs.events(job.id)] == [1]
    jobs.append_event(job.id, "progress", {"n": 2})
    assert [event.seq for event in jobs.events(job.id)] == [1, 2]


def test_events_longer_than_the_tail_that_is_read(jobs: JobStore, job: Job) -> None:
    for number in range(3):
        jobs.append_event(job.id, "log", {"lines": [str(number) * 200_000]})
    assert jobs.last_seq(job.id) == 3
    newest = jobs.newest(job.id, "log")
    assert newest is not None
    assert newest.seq == 3


def test_a_writer_that_lost_the_job_is_refused(jobs: JobStore, job: Job) -> None:
    jobs.apply(job.id, Claim("w", 30))
    jobs.append_event(job.id, "progress", {}, epoch=1)
    with pytest.raises(Refused):
        jobs.append_event(job.id, "progress", {}, epoch=0)


def test_the_list_shows_changes_of_other_processes(jobs: JobStore, job: Job, tmp_path: Path) -> None:
    assert jobs.list()[0].status is JobStatus.QUEUED
    JobStore(tmp_path).apply(job.id, RequestCancel())
    assert jobs.list()[0].status is JobStatus.CANCELLED
    jobs.delete(job.id)
    assert jobs.list() == []
    with pytest.raises(NotFound):
        jobs.get(job.id)


@pytest.mark.parametrize("content", ["{", '{"schema_version": 99}'])
def test_a_job_that_cannot_be_read_does_not_hide_the_others(
    jobs: JobStore, job: Job, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    bad = jobs.create(JobKind.IMPORT, "project-00000001", "Bad", {})
    (jobs.folder(bad.id) / "job.json").write_text(content)
    with caplog.at_level(logging.WARNING):
        assert [item.id for item in jobs.list()] == [job.id]
    assert len(caplog.records) == 1
    assert bad.id in caplog.text


def test_folders_that_are_no_jobs_are_not_listed(jobs: JobStore, job: Job, tmp_path: Path) -> None:
    jobs.folder(job.id).rename(tmp_path / f".trash-{job.id}-00000000")
    (tmp_path / "job-1234567x").mkdir()
    assert jobs.list() == []


def test_a_change_within_one_tick_of_the_clock_is_seen(jobs: JobStore, job: Job, tmp_path: Path) -> None:
    path = jobs.folder(job.id) / "job.json"
    before = path.stat()
    jobs.list()
    JobStore(tmp_path).apply(job.id, RequestCancel())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert jobs.list()[0].status is JobStatus.CANCELLED


def test_an_upload_lives_until_its_job_is_final(jobs: JobStore, job: Job) -> None:
    folder = jobs.folder(job.id)
    (folder / "upload.zip").write_bytes(b"x")
    (folder / "unpacked" / "deep").mkdir(parents=True)
    jobs.apply(job.id, Claim("w", 30))
    jobs.apply(job.id, Finalize(1))
    assert {"upload.zip", "unpacked"} <= {item.name for item in folder.iterdir()}
    jobs.apply(job.id, Succeed(1, {}))
    assert not {"upload.zip", "unpacked"} & {item.name for item in folder.iterdir()}
    assert jobs.get(job.id).status is JobStatus.SUCCEEDED


def test_a_full_disk_while_appending_an_event_is_named(
    jobs: JobStore, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(jobs_module, "_last_seq", full)
    with pytest.raises(DiskFull):
        jobs.append_event(job.id, "progress", {})
