"""Takes a dataset from folder to exported model, through the REST API of a running studio only.

`./studio demo` starts the studio and this; `python -m scripts.demo --url URL` uses one that runs.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import httpx2

from scripts.generate import GENERATORS

MOST_STEPS = 400
_BATCH_SIZES = (8, 16, 32)
RATIOS = {"train": 0.8, "val": 0.1, "test": 0.1}
_SETTINGS = {"box": {"epochs": 6, "image_size": 128}, "value": {"epochs": 6, "image_size": 96}}
_USUAL = {"epochs": 3, "image_size": 96}
"""Just enough to see the made-up images learned on a processor, by the kind of annotation."""
_BAR = 28
_LOOK_S = 0.25


class DemoFailure(Exception):
    """The studio refused a step or a job did not succeed."""


class Api:
    """The REST API, with its errors turned into messages and its jobs waited for."""

    def __init__(self, url: str) -> None:
        self._client = httpx2.Client(base_url=url, timeout=60, trust_env=False)

    def get(self, path: str) -> Any:
        """Return the body of a GET."""
        return _checked(self._client.get(path)).json()

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the body of a POST."""
        return _checked(self._client.post(path, json=body)).json()

    def download(self, path: str, target: Path) -> int:
        """Save an answer as a file and return its size."""
        with self._client.stream("GET", path) as answer, target.open("wb") as file:
            if answer.is_error:
                answer.read()
            for piece in _checked(answer).iter_bytes():
                file.write(piece)
        return target.stat().st_size

    def finish(self, label: str, job: dict[str, Any]) -> dict[str, Any]:
        """Follow a job to its end with a bar and return it."""
        while job["status"] not in ("succeeded", "failed", "cancelled"):
            _draw(label, job.get("progress"), job["status"])
            time.sleep(_LOOK_S)
            job = self.get(f"/api/jobs/{job['id']}")
        _draw(label, job.get("progress"), job["status"], end="\n")
        if job["status"] != "succeeded":
            error = job.get("error") or {}
            lines = [f"{label}: {job['status']}. {error.get('message', '')}", error.get("hint") or ""]
            raise DemoFailure("\n".join(line for line in lines if line))
        return job


def _checked(answer: httpx2.Response) -> httpx2.Response:
    if not answer.is_error:
        return answer
    try:
        told = answer.json()
        parts = [told.get("detail") or told.get("title"), told.get("hint"), *map(str, told.get("errors") or [])]
        why = " ".join(part for part in parts if part)
    except ValueError:
        why = answer.text[:300]
    raise DemoFailure(f"{answer.request.method} {answer.request.url.path} answered {answer.status_code}: {why}")


def _draw(label: str, progress: dict[str, Any] | None, status: str, end: str = "") -> None:
    """Draw a bar in place on a terminal; elsewhere only its last state."""
    if not end and not sys.stdout.isatty():
        return
    done, total = (progress or {}).get("done") or 0, (progress or {}).get("total")
    share = 1.0 if status == "succeeded" else min(1.0, done / total) if total else 0.0
    filled = round(_BAR * share)
    text = f"  {label:<10} {'█' * filled}{'░' * (_BAR - filled)} {share:4.0%}  {_doing(progress, status)}"
    width = shutil.get_terminal_size().columns - 1
    start = "\r\x1b[K" if sys.stdout.isatty() else ""
    print(f"{start}{text[:width]}", end=end, flush=True)


def _doing(progress: dict[str, Any] | None, status: str) -> str:
    if status != "running" or not progress:
        return status
    parts = [progress["phase"], progress.get("message") or ""]
    if progress.get("eta_s"):
        parts.append(f"{progress['eta_s']:.0f} s left")
    return ", ".join(part for part in parts if part)


def walk(url: str, data: Path | None, folder: Path, wanted: str | None = None) -> None:
    """Go the whole way and print what came of it.

    Args:
        url: of the studio.
        data: what to import; made up in `folder` if there is none.
        folder: where what the demo makes goes.
        wanted: id of a task; the studio's first without.

    Raises:
        DemoFailure: a step did not work.
    """
    api = Api(url)
    task = _task(api, wanted)
    data = data or _made_up(task, folder)
    project = api.post("/api/projects", {"name": f"Demo {time.strftime('%Y-%m-%d %H:%M:%S')}", "task": task["id"]})
    print(f"\nProject {project['name']} ({task['label']}), images from {data}\n", flush=True)
    project_id = project["id"]
    _import(api, project_id, data)
    split = _split(api, project_id)
    experiment_id = _train(api, project_id, api.get(f"/api/tasks/{task['id']}"), split["counts"]["train"])
    _evaluate(api, project_id, experiment_id, split, task)
    _export(api, project_id, experiment_id, folder)
    _tell_links(url, project_id)


def _task(api: Api, wanted: str | None) -> dict[str, Any]:
    tasks: list[dict[str, Any]] = api.get("/api/tasks")["items"]
    if found := [task for task in tasks if wanted in (None, task["id"])]:
        return found[0]
    raise DemoFailure(f"There is no task {wanted!r}; there are {', '.join(task['id'] for task in tasks)}.")


def _made_up(task: dict[str, Any], folder: Path) -> Path:
    kind = task["annotation_kind"]
    if kind not in GENERATORS:
        raise DemoFailure(f"No images can be made up for {task['label'].lower()}; name a folder with some (--data).")
    return GENERATORS[kind](folder / f"made-up-{kind}")


def _import(api: Api, project_id: str, data: Path) -> None:
    body = {"path": str(data), "format": "auto"}
    api.finish("Import", api.post(f"/api/datasets/{project_id}/import/local", body))
    dataset = api.get(f"/api/datasets/{project_id}")
    named = dataset["classes"] or dataset["targets"]
    kind = "classes" if dataset["classes"] else "targets"
    names = ", ".join(item["name"] for item in named)
    print(f"             {dataset['image_count']} images with {len(named)} {kind}: {names}")


def _split(api: Api, project_id: str) -> dict[str, Any]:
    """Take the dataset's own subsets where it has them, else 80/10/10."""
    subsets = api.get(f"/api/datasets/{project_id}")["statistics"].get("subsets") or {}
    strategy = "imported" if {"train", "val", "test"} <= subsets.keys() else "stratified"
    body = {"name": "demo", "ratios": RATIOS, "seed": 42, "strategy": strategy, "accept_leaks": True}
    split: dict[str, Any] = api.post(f"/api/splits/{project_id}", body)
    counts = ", ".join(f"{count} {subset}" for subset, count in split["counts"].items())
    mark = ", marked: images that are alike stand on different sides" if split["leaky"] else ""
    print(f"  Split      {strategy}: {counts}{mark}", flush=True)
    return split


def _train(api: Api, project_id: str, task: dict[str, Any], images: int) -> str:
    """Train the architecture a task names first and return the experiment's id."""
    first = task["architectures"][0]
    settings = _SETTINGS.get(task["annotation_kind"], _USUAL)
    params = {**settings, "batch_size": batch_size(images, settings["epochs"])}
    body = {"name": "Demo", "split_name": "demo", "architecture": first["id"], "params": params}
    base = f"/api/training/{project_id}/experiments"
    experiment = api.post(base, body)
    api.finish("Train", api.post(f"{base}/{experiment['id']}/train"))
    print(f"             {first['label']}, {settings['epochs']} epochs at {settings['image_size']} px")
    return str(experiment["id"])


def batch_size(images: int, epochs: int) -> int:
    """Return the smallest batch size that keeps the demo short: few images need many steps to learn anything."""
    fitting = (size for size in _BATCH_SIZES if images * epochs / size <= MOST_STEPS)
    return next(fitting, _BATCH_SIZES[-1])


def _evaluate(api: Api, project_id: str, experiment_id: str, split: dict[str, Any], task: dict[str, Any]) -> None:
    path = f"/api/evaluation/{project_id}/{experiment_id}"
    subset = "test" if split["counts"].get("test") else "val"
    api.finish("Evaluate", api.post(path, {"checkpoint": "best", "subsets": [subset]}))
    found = api.get(path)["aggregate"]["metrics"]
    known = [(metric["label"], found.get(metric["key"])) for metric in task["metrics"]]
    shown = [f"{label} {value:.3f}" for label, value in known if value is not None]
    print(f"             {subset}: {', '.join(shown)}")


def _export(api: Api, project_id: str, experiment_id: str, folder: Path) -> None:
    path = f"/api/export/{project_id}"
    job = api.post(path, {"experiment_id": experiment_id, "checkpoint": "best", "format": "onnx"})
    api.finish("Export", job)
    export = next(item for item in api.get(path)["items"] if item["job_id"] == job["id"])
    target = folder / "model.onnx"
    size = api.download(f"{path}/{export['id']}/download", target)
    verification = (export.get("result") or export).get("verification") or {}
    print(f"             {target} ({size / 1e6:.1f} MB). {verification.get('message', '')}")


def _tell_links(url: str, project_id: str) -> None:
    pages = ("dataset", "split", "training", "evaluation", "export")
    links = [f"  {page:<11}{url}/projects/{project_id}/{page}" for page in pages]
    print(
        "\n".join(["\nLook at it:\n", *links, f"  {'jobs':<11}{url}/jobs", f"  {'API':<11}{url}/docs", ""]), flush=True
    )


def main() -> int:
    """Run the demo and return the exit status."""
    parser = argparse.ArgumentParser(prog="demo", description="From a folder of images to an exported model.")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="address of the studio")
    parser.add_argument("--task", help="id of a task (default: the studio's first)")
    parser.add_argument("--data", type=Path, help="folder with annotated images (default: made up)")
    parser.add_argument("--folder", type=Path, default=Path(".run/demo"), help="where what the demo makes goes")
    given = parser.parse_args()
    folder = given.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        walk(given.url, given.data.absolute() if given.data else None, folder, given.task)
    except (DemoFailure, httpx2.HTTPError) as failure:
        print(f"\nThe demo ended early. {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
