"""The life of a job: single steps as the design states them, and any order of commands by a state machine."""

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.schemas.job import Job, JobError, JobKind, JobStatus, Progress
from shared.store.lifecycle import (
    MAX_ATTEMPTS,
    Claim,
    Command,
    EndCancelled,
    Expire,
    Fail,
    Finalize,
    Lose,
    Move,
    Refused,
    Renew,
    RequestCancel,
    RequestStop,
    Succeed,
    Yield,
    transition,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ERROR = JobError(code="bad", message="Bad.")


def new_job() -> Job:
    return Job(id="job-00000001", kind=JobKind.TRAINING, project_id="project-00000001", payload={}, title="Train")


def after(job: Job, *commands: Command, now: datetime = NOW) -> Job:
    for command in commands:
        job = transition(job, command, now)
    return job


def progress(done: float) -> Progress:
    return Progress(phase="training", done=done)


def test_the_straight_way() -> None:
    job = after(new_job(), Claim("w", 30))
    assert (job.status, job.attempt, job.epoch, job.owner) == (JobStatus.RUNNING, 1, 1, "w")
    assert job.lease_until == NOW + timedelta(seconds=30)
    job = after(job, Finalize(1), Succeed(1, {"n": 1}))
    assert (job.status, job.result, job.owner, job.finished_at) == (JobStatus.SUCCEEDED, {"n": 1}, None, NOW)


def test_a_second_ring_finds_nothing_to_claim() -> None:
    with pytest.raises(Refused):
        after(new_job(), Claim("one", 30), Claim("two", 30))


def test_a_cancelled_job_is_never_claimed() -> None:
    job = after(new_job(), RequestCancel())
    assert job.status is JobStatus.CANCELLED
    with pytest.raises(Refused):
        after(job, Claim("w", 30))


def test_cancelling_a_running_job_is_a_wish_until_the_run_has_ended() -> None:
    job = after(new_job(), Claim("w", 30), RequestCancel())
    assert (job.status, job.cancel_requested) == (JobStatus.RUNNING, True)
    assert after(job, EndCancelled(1)).status is JobStatus.CANCELLED


def test_results_are_not_published_after_a_cancel_but_after_a_stop() -> None:
    running = after(new_job(), Claim("w", 30))
    with pytest.raises(Refused):
        after(running, RequestCancel(), Finalize(1))
    assert after(running, RequestStop(), Finalize(1)).status is JobStatus.FINALIZING


def test_a_stalled_run_is_queued_again_and_then_fails_with_a_hint() -> None:
    job = after(new_job(), Claim("w", 30), Lose(1, "stalled", "Stalled."))
    assert (job.status, job.deaths[0].cause) == (JobStatus.QUEUED, "stalled")
    job = after(job, Claim("w", 30), Lose(2, "stalled", "Stalled."))
    assert job.error is not None
    assert (job.error.code, bool(job.error.hint)) == ("stalled", True)


def test_death_after_a_cancel_is_a_cancel() -> None:
    job = after(new_job(), Claim("w", 30), RequestCancel(), Lose(1, "killed", "Killed."))
    assert job.status is JobStatus.CANCELLED


def test_a_stale_owner_changes_nothing() -> None:
    job = after(new_job(), Claim("old", 30))
    job = after(job, Expire(), Claim("new", 30), now=NOW + timedelta(seconds=31))
    for command in (Renew(1, 30), Finalize(1), Succeed(1, None), Fail(1, ERROR), EndCancelled(1), Yield(1)):
        with pytest.raises(Refused):
            after(job, command)


def test_a_lease_that_has_not_run_out_protects_the_job() -> None:
    with pytest.raises(Refused):
        after(after(new_job(), Claim("w", 30)), Expire(), now=NOW + timedelta(seconds=29))


def test_a_shutdown_does_not_count_as_an_attempt() -> None:
    job = new_job()
    for _ in range(10):
        job = after(job, Claim("w", 30), Yield(job.epoch + 1))
    assert (job.status, job.attempt, job.epoch) == (JobStatus.QUEUED, 0, 10)


def test_three_deaths_are_the_end() -> None:
    job = new_job()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        job = after(job, Claim("w", 30), Renew(attempt, 30, progress(attempt)), Lose(attempt, "killed", "Killed."))
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == "killed"


def test_two_equal_deaths_at_the_same_step_are_the_end() -> None:
    job = new_job()
    for epoch in (1, 2):
        job = after(job, Claim("w", 30), Renew(epoch, 30, progress(7)), Lose(epoch, "killed", "Killed."))
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert "same step" in job.error.message


def test_only_a_waiting_job_is_moved_and_it_keeps_its_place_when_it_comes_back() -> None:
    job = after(new_job(), Move(3.5), Claim("w", 30))
    with pytest.raises(Refused):
        after(job, Move(4))
    assert after(job, Yield(1)).place == 3.5


class AnyOrder(RuleBasedStateMachine):
    """Whatever is sent in whatever order, from owners new and old."""

    def __init__(self) -> None:
        super().__init__()
        self.job = new_job()
        self.now = NOW
        self.final: Job | None = None
        self.highest_epoch = 0

    def send(self, command: Command) -> None:
        before = self.job.model_copy(deep=True)
        try:
            changed = transition(self.job, command, self.now)
        except Refused:
            assert self.job == before
            return
        assert self.job == before, "the function must not change what it was given"
        assert changed.revision == before.revision + 1
        if self.final is not None:
            raise AssertionError(f"{command} changed a final job")
        self.job = changed
        if changed.status.final:
            self.final = changed

    @rule(lease=st.floats(1, 60))
    def claim(self, lease: float) -> None:
        self.send(Claim("w", lease))

    @rule(age=st.integers(0, 2), done=st.integers(0, 3))
    def renew(self, age: int, done: int) -> None:
        self.send(Renew(self.job.epoch - age, 30, progress(done)))

    @rule(age=st.integers(0, 1), number=st.integers(0, 5))
    def owned(self, age: int, number: int) -> None:
        epoch = self.job.epoch - age
        commands = (
            Finalize(epoch),
            Succeed(epoch, None),
            Fail(epoch, ERROR),
            EndCancelled(epoch),
            Yield(epoch),
            Lose(epoch, "worker_lost", "Lost."),
        )
        self.send(commands[number])

    @rule(seconds=st.integers(0, 90))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.send(Expire())

    @rule()
    def request_cancel(self) -> None:
        self.send(RequestCancel())

    @precondition(lambda self: self.job.status.live)
    @rule()
    def request_stop(self) -> None:
        self.send(RequestStop())

    @rule(position=st.floats(0, 9))
    def move(self, position: float) -> None:
        self.send(Move(position))

    @invariant()
    def epoch_only_grows(self) -> None:
        assert self.job.epoch >= self.highest_epoch
        self.highest_epoch = self.job.epoch

    @invariant()
    def attempts_stay_in_bounds(self) -> None:
        assert 0 <= self.job.attempt <= MAX_ATTEMPTS

    @invariant()
    def only_a_live_job_has_an_owner(self) -> None:
        assert (self.job.owner is not None) is self.job.status.live
        assert (self.job.lease_until is not None) is self.job.status.live

    @invariant()
    def a_final_job_says_when_and_a_failed_one_why(self) -> None:
        assert (self.job.finished_at is not None) is self.job.status.final
        assert (self.job.error is not None) is (self.job.status is JobStatus.FAILED)

    @invariant()
    def a_cancelled_wish_is_never_queued_again(self) -> None:
        assert not (self.job.cancel_requested and self.job.status is JobStatus.QUEUED)


TestAnyOrder = AnyOrder.TestCase
