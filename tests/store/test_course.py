"""The rows a training writes: what a resumed run keeps, and what old ones looked like."""

from pathlib import Path

import pytest

from shared.schemas.course import StepRow, TelemetryRow
from shared.schemas.experiment import EpochRow, EpochTimes
from shared.store import course
from shared.store.course import Course


@pytest.fixture
def rows(tmp_path: Path) -> Course:
    return Course(tmp_path)


def epoch(number: int) -> EpochRow:
    times = EpochTimes(data=0.5, forward=1)
    return EpochRow(epoch=number, step=9, learning_rate=0.1, metrics={"train_loss": 0.5}, seconds=2, times=times)


def reading() -> TelemetryRow:
    return TelemetryRow(
        cpu_percent=1, run_cpu_percent=1, run_memory=1, memory_used=1, memory_total=2, disk_free=1, disk_written=1
    )


def test_what_a_clock_measured_stands_beside_the_metrics_and_is_read_with_them(rows: Course, tmp_path: Path) -> None:
    rows.append_epoch(epoch(1))
    assert rows.epochs() == [epoch(1)]
    metrics = (tmp_path / "metrics.jsonl").read_text()
    assert not any(name in metrics for name in ("seconds", "times", 'at":', "images_per_second"))


def test_rows_of_earlier_versions_are_still_read(rows: Course, tmp_path: Path) -> None:
    old = '{"epoch":1,"step":3,"seconds":1.5,"learning_rate":0.1,"images_per_second":9.0,"metrics":{"train_loss":1.0},'
    (tmp_path / "metrics.jsonl").write_text(old + '"vanished_objects":0,"at":"2026-01-01T00:00:00Z"}\n')
    [row] = rows.epochs()
    assert (row.seconds, row.images_per_second, row.times) == (1.5, 9.0, None)
    rows.keep_through(1, 3)
    assert rows.epochs() == [row]


def test_a_resumed_run_finds_nothing_of_what_it_writes_again(rows: Course, tmp_path: Path) -> None:
    for number in (1, 2):
        rows.append_epoch(epoch(number))
    rows.append_steps([StepRow(step=step, epoch=1, loss=1, learning_rate=0.1) for step in (1, 2, 3)])
    rows.keep_through(1, 2)
    assert [row.epoch for row in rows.epochs()] == [1]
    assert [row.step for row in rows.steps()] == [1, 2]
    assert (tmp_path / "timings.jsonl").read_text().count("\n") == 1


def test_half_a_line_that_a_kill_left_is_not_seen_and_not_joined_to_the_next(rows: Course, tmp_path: Path) -> None:
    rows.append_epoch(epoch(1))
    with (tmp_path / "metrics.jsonl").open("ab") as file:
        file.write(b'{"epoch":2,"st')
    assert [row.epoch for row in rows.epochs()] == [1]
    rows.append_epoch(epoch(2))
    assert [row.epoch for row in rows.epochs()] == [1, 2]


def test_a_time_without_metrics_is_not_shown(rows: Course, tmp_path: Path) -> None:
    rows.append_epoch(epoch(1))
    (tmp_path / "metrics.jsonl").unlink()
    assert rows.epochs() == []


def test_telemetry_is_thinned_when_it_grows_long(rows: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "TELEMETRY_ROWS", 10)
    found = [reading() for _ in range(50)]
    for row in found:
        rows.append_telemetry(row)
    kept = rows.telemetry()
    assert 5 <= len(kept) <= 10
    assert kept[-1] == found[-1]
