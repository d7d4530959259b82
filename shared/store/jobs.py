"""Jobs on disk: the document, its events, its log, and what a run leaves for its supervisor."""

import builtins
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import orjson

from shared.errors import NotFound
from shared.schemas.base import new_id, utc_now
from shared.schemas.job import EventName, Job, JobEvent, JobKind, JobStatus, Outcome
from shared.store import documents, sources
from shared.store.files import disk_errors, locked, remove_tree, write_bytes
from shared.store.lifecycle import Command, Refused, transition
from shared.store.paths import checked_id, missing

_Stamp = tuple[int, int, int]
"""What tells two contents of a file apart without reading it: time, inode, size."""

_TAIL = 65536


class JobStore:
    """`jobs/<id>/{job.json, events.jsonl, log.txt}`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen: dict[str, tuple[_Stamp, Job]] = {}

    def folder(self, job_id: str) -> Path:
        """Return the job's folder, whether or not it exists."""
        return self._root / checked_id("job", job_id)

    def log_path(self, job_id: str) -> Path:
        """Return where the output of the job's runs is kept."""
        return self.folder(job_id) / "log.txt"

    def create(
        self,
        kind: JobKind,
        project_id: str,
        title: str,
        payload: dict[str, Any],
        *,
        idempotency_key: str | None = None,
        job_id: str | None = None,
    ) -> Job:
        """Store a new job, waiting."""
        job = Job(
            id=job_id or new_id("job"),
            kind=kind,
            project_id=project_id,
            title=title,
            payload=payload,
            idempotency_key=idempotency_key,
        )
        documents.write(job, self._path(job.id))
        return job

    def get(self, job_id: str) -> Job:
        """Return a job or raise `NotFound`."""
        try:
            return documents.read(Job, self._path(job_id))
        except FileNotFoundError:
            raise missing("job", job_id) from None

    def list(self) -> list[Job]:
        """Return all jobs, newest first. Files that did not change since the last call are not read again."""
        seen, fresh = self._seen, dict[str, tuple[_Stamp, Job]]()

        def remembered(path: Path) -> Job:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
            known = seen.get(path.parent.name)
            fresh[path.parent.name] = known if known and known[0] == stamp else (stamp, documents.read(Job, path))
            return fresh[path.parent.name][1]

        paths = [self._path(name) for name in os.listdir(self._root) if _is_job_id(name)]
        found = documents.read_all(Job, paths, reader=remembered)
        self._seen = fresh
        return sorted(found, key=lambda job: (job.created_at, job.id), reverse=True)

    def waiting(self, kind: JobKind) -> builtins.list[Job]:
        """Return the queued jobs of a kind in the order in which workers take them."""
        queued = [job for job in self.list() if job.kind is kind and job.status is JobStatus.QUEUED]
        return sorted(queued, key=lambda job: (job.place, job.id))

    def apply(self, job_id: str, command: Command) -> Job:
        """Change the job by `command` under its lock; once it is final, what only its runs needed is removed.

        Raises:
            Refused: the command does not fit the job's state.
            NotFound: the job is gone.
        """
        path = self._path(job_id)
        if not path.exists():
            raise missing("job", job_id)
        with locked(path):
            changed = transition(self.get(job_id), command, utc_now())
            documents.write(changed, path)
        if changed.status.final:
            self.tidy(changed)
        return changed

    def tidy(self, job: Job) -> None:
        """Remove what was uploaded or unpacked for a final job and nobody needs any more."""
        sources.tidy(self.folder(job.id), job)
        if (preview := sources.used_preview(job)) is not None:
            sources.release(self.folder(preview))

    def sweep(self, *, older_than_s: float) -> None:
        """Tidy after jobs whose end a kill cut short, and after uploads that never became a job."""
        for job in self.list():
            if job.status.final:
                self.tidy(job)
        folders = [self.folder(name) for name in os.listdir(self._root) if _is_job_id(name)]
        sources.remove_abandoned(folders, older_than_s=older_than_s)

    def delete(self, job_id: str) -> None:
        """Remove the job and all it left."""
        remove_tree(self.folder(job_id))

    def append_event(self, job_id: str, name: EventName, data: dict[str, Any], *, epoch: int | None = None) -> JobEvent:
        """Append to `events.jsonl` and return the event with its sequence number.

        Raises:
            Refused: `epoch` is not the job's; the writer lost the job.
        """
        path = self.folder(job_id) / "events.jsonl"
        job = self.get(job_id)
        if epoch is not None and epoch != job.epoch:
            raise Refused(f"{job_id} is in epoch {job.epoch}, not {epoch}")
        with disk_errors(), locked(path), path.open("ab+") as file:
            last, end = _last_seq(file)
            file.truncate(end)
            event = JobEvent(seq=last + 1, at=utc_now(), job_id=job_id, project_id=job.project_id, name=name, data=data)
            file.write(orjson.dumps(event.model_dump(mode="json")) + b"\n")
        return event

    def events(self, job_id: str, after: int = 0) -> Iterator[JobEvent]:
        """Yield the job's events with a sequence number above `after`."""
        path = self.folder(job_id) / "events.jsonl"
        if not path.exists():
            return
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    return
                event = JobEvent.model_validate_json(line)
                if event.seq > after:
                    yield event

    def last_seq(self, job_id: str) -> int:
        """Return the sequence number of the job's last event, 0 before the first."""
        try:
            with (self.folder(job_id) / "events.jsonl").open("rb") as file:
                return _last_seq(file)[0]
        except FileNotFoundError:
            return 0

    def newest(self, job_id: str, name: EventName) -> JobEvent | None:
        """Return the newest event called `name` among the last ones."""
        path = self.folder(job_id) / "events.jsonl"
        if not path.exists():
            return None
        with path.open("rb") as file:
            _, lines = _tail(file, 1)
        events = (JobEvent.model_validate_json(line) for line in reversed(lines))
        return next((event for event in events if event.name == name), None)

    def write_outcome(self, job_id: str, outcome: Outcome) -> None:
        """Leave how a run ended for its supervisor."""
        write_bytes(self._outcome_path(job_id), outcome.model_dump_json().encode())

    def outcome(self, job_id: str, epoch: int) -> Outcome | None:
        """Return how the run of `epoch` ended, if it said so."""
        try:
            found = Outcome.model_validate_json(self._outcome_path(job_id).read_bytes())
        except FileNotFoundError:
            return None
        return found if found.epoch == epoch else None

    def _path(self, job_id: str) -> Path:
        return self.folder(job_id) / "job.json"

    def _outcome_path(self, job_id: str) -> Path:
        return self.folder(job_id) / "outcome.json"


def _is_job_id(name: str) -> bool:
    try:
        checked_id("job", name)
    except NotFound:
        return False
    return True


def _last_seq(file: IO[bytes]) -> tuple[int, int]:
    """Return the last complete event's number and where its line ends; a kill may have left half a line behind it."""
    start, lines = _tail(file, 1)
    end = start + sum(len(line) for line in lines)
    return (int(orjson.loads(lines[-1])["seq"]) if lines else 0), end


def _tail(file: IO[bytes], wanted: int) -> tuple[int, list[bytes]]:
    """Return at least the last `wanted` complete lines, if there are so many, and where the first of them starts."""
    end = file.seek(0, os.SEEK_END)
    window = _TAIL
    while True:
        start = max(0, end - window)
        file.seek(start)
        lines = file.read(end - start).splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()
        if start > 0 and lines:
            start += len(lines.pop(0))
        if start == 0 or len(lines) >= wanted:
            return start, lines
        window *= 4
