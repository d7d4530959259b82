"""Jobs that survive: kills, restarts, a Redis that goes away, while a training runs."""

import threading
from pathlib import Path
from typing import Any

import httpx2
import orjson
import psutil
import pytest

from tests.e2e.api import Api
from tests.support.stack import StudioStack


@pytest.fixture(scope="module")
def project(api: Api, shapes: Path) -> str:
    return api.project("Survival", shapes)


def rows(api: Api, experiment: str) -> list[int]:
    return [row["epoch"] for row in api.get(f"{experiment}/metrics")["items"]]


def start(api: Api, project: str, **params: Any) -> tuple[str, dict[str, Any]]:
    """Start a training and return when its first epoch is done."""
    experiment = api.experiment(project, **{"epochs": 8, "batch_size": 32, **params})
    job = api.post(f"{experiment}/train")
    api.until(lambda: rows(api, experiment), lambda found: len(found) >= 1)
    return experiment, job


def run_process(job: dict[str, Any]) -> psutil.Process:
    """Return the process that does a job."""
    for process in psutil.process_iter(["cmdline"]):
        if job["id"] in (process.info["cmdline"] or []):
            return process
    raise AssertionError(f"nothing runs {job['id']}")


def check_complete(api: Api, experiment: str, epochs: int = 8) -> None:
    assert rows(api, experiment) == list(range(1, epochs + 1)), "each epoch once, in order"
    assert api.get(experiment)["status"] == "completed"


def test_a_killed_training_process_goes_on_by_itself(api: Api, project: str) -> None:
    experiment, job = start(api, project)
    run_process(job).kill()
    ended = api.succeed(job)
    assert (ended["attempt"], [item["cause"] for item in ended["deaths"]]) == (2, ["killed"])
    check_complete(api, experiment)


def test_stop_keeps_the_checkpoints_and_resume_goes_on(api: Api, project: str) -> None:
    experiment, job = start(api, project)
    api.post(f"{experiment}/stop")
    assert api.wait(job)["status"] == "cancelled"
    stopped = api.get(experiment)
    assert stopped["status"] == "cancelled"
    assert {item["name"] for item in stopped["checkpoints"]} == {"best", "last"}
    done = len(rows(api, experiment))
    assert 1 <= done < 8
    api.succeed(api.post(f"{experiment}/resume"))
    check_complete(api, experiment)


def test_a_killed_worker_loses_nothing(stack: StudioStack, api: Api, project: str) -> None:
    experiment, job = start(api, project)
    run = run_process(job)
    stack.kill("trainer")
    gone, _ = psutil.wait_procs([run], timeout=5)
    assert gone, "a run does not outlive its worker"
    stack.start("trainer")
    ended = api.succeed(job)
    assert [item["cause"] for item in ended["deaths"]] == ["worker_lost"]
    check_complete(api, experiment)


def test_a_worker_that_is_shut_down_puts_its_job_back(stack: StudioStack, api: Api, project: str) -> None:
    experiment, job = start(api, project)
    stack.end("trainer")
    back = api.until(lambda: api.get(f"/jobs/{job['id']}"), lambda it: it["status"] == "queued")
    assert (back["attempt"], back["deaths"]) == (0, [])
    stack.start("trainer")
    api.succeed(job)
    check_complete(api, experiment)


def test_the_gateway_may_be_killed_while_a_training_runs(stack: StudioStack, api: Api, project: str) -> None:
    experiment, job = start(api, project)
    stack.restart("gateway")
    stack.wait_until_ready()
    ended = api.succeed(job)
    assert ended["attempt"] == 1
    check_complete(api, experiment)


def test_redis_may_be_killed_and_wiped_while_a_training_runs(stack: StudioStack, api: Api, project: str) -> None:
    experiment, job = start(api, project)
    stack.kill("redis")
    waiting = api.experiment(project, epochs=1)
    second = api.post(f"{waiting}/train")
    assert second["status"] == "queued", "accepted although nobody can be told"
    for path in stack.redis_data.rglob("*.aof*"):
        path.unlink()
    stack.start("redis")
    stack.wait_until_ready()
    ended = api.succeed(job)
    assert ended["attempt"] == 1
    check_complete(api, experiment)
    api.succeed(second)


def test_cancel_leaves_no_process(api: Api, project: str) -> None:
    _, job = start(api, project)
    run = run_process(job)
    api.post(f"/jobs/{job['id']}/cancel")
    assert api.wait(job)["status"] == "cancelled"
    assert not run.is_running() or run.status() == psutil.STATUS_ZOMBIE


def test_of_two_starts_at_once_one_wins(stack: StudioStack, api: Api, project: str) -> None:
    experiment = api.experiment(project, epochs=1)
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(stack.client.post(f"/api{experiment}/train").status_code))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [202, 409, 409, 409, 409, 409]
    api.until(lambda: api.get(experiment)["status"], lambda status: status == "completed")


def test_deleting_a_project_while_it_trains(stack: StudioStack, api: Api, shapes: Path) -> None:
    project = api.project("Doomed", shapes)
    _, job = start(api, project, epochs=200)
    run = run_process(job)
    refused = stack.client.delete(f"/api/projects/{project}")
    assert (refused.status_code, refused.json()["code"]) == (409, "project_is_busy")
    assert stack.client.delete(f"/api/projects/{project}?force=true", timeout=60).status_code == 204
    assert not run.is_running() or run.status() == psutil.STATUS_ZOMBIE
    assert not (stack.workspace / "projects" / project).exists()
    assert not list((stack.workspace / "projects").glob(".trash*"))


def test_every_event_of_a_job_reaches_a_listener_that_comes_and_goes(
    stack: StudioStack, api: Api, project: str
) -> None:
    experiment = api.experiment(project, epochs=4)
    job = api.post(f"{experiment}/train")
    seen: list[int] = []
    while not seen or api.get(f"/jobs/{job['id']}")["status"] not in ("succeeded", "failed"):
        seen.extend(_listen(stack, job["id"], seen[-1] if seen else 0, limit=5))
    seen.extend(_listen(stack, job["id"], seen[-1], limit=10_000))
    told = [event["seq"] for event in _file_events(stack.workspace, job["id"])]
    assert sorted(set(seen)) == seen, "in order, none twice"
    missing = set(told) - set(seen)
    names = {event["seq"]: event["name"] for event in _file_events(stack.workspace, job["id"])}
    assert {names[seq] for seq in missing} <= {"progress"}, "only progress may be overtaken by newer progress"


def _listen(stack: StudioStack, job_id: str, after: int, limit: int) -> list[int]:
    """Return the ids of at most `limit` events after `after`; nothing new for a second ends it."""
    found: list[int] = []
    headers = {"Last-Event-ID": str(after)}
    timeout = httpx2.Timeout(5, read=1)
    try:
        with stack.client.stream("GET", f"/api/events?job_id={job_id}", headers=headers, timeout=timeout) as answer:
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    found.append(int(line.removeprefix("id: ")))
                if len(found) >= limit:
                    break
    except httpx2.ReadTimeout:
        pass
    return found


def _file_events(workspace: Path, job_id: str) -> list[dict[str, Any]]:
    lines = (workspace / "jobs" / job_id / "events.jsonl").read_bytes().splitlines()
    return [orjson.loads(line) for line in lines]
