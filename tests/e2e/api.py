"""What the end-to-end tests do through the REST API, in words."""

import time
from collections.abc import Callable
from typing import Any

import httpx2

FINAL = ("succeeded", "failed", "cancelled")


class Api:
    """A client that insists on the status it expects."""

    def __init__(self, client: httpx2.Client) -> None:
        self.client = client

    def get(self, path: str, **params: Any) -> Any:
        """Return the JSON at a path below /api."""
        answer = self.client.get(f"/api{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, *, status: int = 202) -> Any:
        """Post JSON to a path below /api."""
        answer = self.client.post(f"/api{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def wait(self, job: dict[str, Any], *, timeout: float = 180) -> dict[str, Any]:
        """Wait until a job has ended, and return it."""
        return self.until(lambda: self.get(f"/jobs/{job['id']}"), lambda it: it["status"] in FINAL, timeout=timeout)

    def succeed(self, job: dict[str, Any], *, timeout: float = 180) -> dict[str, Any]:
        """Wait until a job has ended well."""
        ended = self.wait(job, timeout=timeout)
        assert ended["status"] == "succeeded", ended["error"]
        return ended

    def until(self, read: Callable[[], Any], good: Callable[[Any], bool], *, timeout: float = 60) -> Any:
        """Read again and again until what is read is good."""
        end = time.monotonic() + timeout
        while not good(found := read()):
            assert time.monotonic() < end, f"still {found}"
            time.sleep(0.1)
        return found

    def project(self, name: str, path: Any = None, *, task: str = "", **split: Any) -> str:
        """Create a project of a task, else of the first, import `path` into it and split it; return its id."""
        task = task or self.get("/tasks")["items"][0]["id"]
        project_id = str(self.post("/projects", {"name": name, "task": task}, status=201)["id"])
        if path is not None:
            self.succeed(self.post(f"/datasets/{project_id}/import/local", {"path": str(path)}))
            self.post(f"/splits/{project_id}", {"name": "main", "accept_leaks": True, **split}, status=201)
        return project_id

    def experiment(self, project_id: str, **params: Any) -> str:
        """Create an experiment of the smallest architecture; return its path."""
        task = self.get(f"/tasks/{self.get(f'/projects/{project_id}')['task']}")
        smallest = min(task["architectures"], key=lambda item: item["parameters"])["id"]
        body = {"architecture": smallest, "params": {"image_size": 64, **params}}
        made = self.post(f"/training/{project_id}/experiments", body, status=201)
        return f"/training/{project_id}/experiments/{made['id']}"
