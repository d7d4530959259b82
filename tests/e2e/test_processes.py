"""The real processes: what the studio says of itself while they come and go."""

import time

from tests.support.stack import StudioStack


def _status_until(stack: StudioStack, wanted: int) -> dict:
    until = time.monotonic() + 40
    while (answer := stack.client.get("/api/system/ready")).status_code != wanted:
        assert time.monotonic() < until, answer.text
        time.sleep(0.2)
    return answer.json()


def test_a_studio_with_all_its_parts_is_ready(stack: StudioStack):
    assert stack.client.get("/api/system/health").status_code == 200
    assert stack.client.get("/api/system/ready").status_code == 200
    assert stack.workspace.is_dir()


def test_a_lost_worker_is_noticed_and_so_is_its_return(stack: StudioStack):
    stack.kill("exporter")
    told = _status_until(stack, 503)
    assert told["workers"]["export"] == 0
    stack.start("exporter")
    _status_until(stack, 200)


def test_the_studio_is_alive_but_not_ready_without_redis(stack: StudioStack):
    stack.kill("redis")
    assert _status_until(stack, 503)["redis"] is False
    assert stack.client.get("/api/system/health").status_code == 200
    stack.start("redis")
    _status_until(stack, 200)
