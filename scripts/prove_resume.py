"""Proves that a training survives being killed: `python -m scripts.prove_resume [--kills 50] [--seed 1]`.

Trains a few architectures, with and without loader workers, undisturbed and under `kill -9` at random moments and where
a checkpoint or a metric row is being written. The final weights and `metrics.jsonl` must be the same to the byte.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from scripts.generate import GENERATORS
from services.importer.run import work as import_images
from shared.bus.run import Run
from shared.bus.supervisor import Supervisor
from shared.schemas.base import Subset, new_id
from shared.schemas.experiment import Configuration, Experiment, Hardware
from shared.schemas.job import Job, JobKind, JobStatus
from shared.schemas.split import Ratios, Split, SubsetSummary
from shared.settings import Settings
from shared.store.lifecycle import Claim, Succeed
from shared.store.workspace import Workspace
from shared.taskkit import registry
from shared.taskkit.spec import Architecture, TaskSpec

_RUN = "services.trainer.run"
_TRAIN, _VAL, _PAUSE_S = 36, 12, 0.0005

Moment = Callable[[Path], bool]


def writing_a_checkpoint(folder: Path) -> bool:
    """Whether a checkpoint is half written."""
    return any(path.stat().st_size for path in (folder / "checkpoints").glob(".tmp-*.ckpt-*"))


def before_the_manifest(folder: Path) -> bool:
    """Whether a checkpoint is whole and the manifest does not name it yet."""
    there = {path.name for path in (folder / "checkpoints").glob("*.ckpt") if not path.name.startswith(".")}
    return bool(there - {item["file"] for item in _listed(folder)})


def before_the_checkpoint(folder: Path) -> bool:
    """Whether an epoch has its row and not yet its checkpoint."""
    return _rows(folder) > max((item["epoch"] for item in _listed(folder) if item["name"] == "last"), default=0)


def at_once(folder: Path) -> bool:
    """Say yes to any moment."""
    return True


MOMENTS: tuple[Moment, ...] = (
    at_once,
    writing_a_checkpoint,
    at_once,
    before_the_manifest,
    at_once,
    before_the_checkpoint,
)


@dataclass(frozen=True)
class Result:
    """What is left of a training: the hash of its weights, and its rows."""

    weights: str
    metrics: bytes


class Killer(threading.Thread):
    """Kills the process group of the run this process supervises, once, when the moment has come."""

    def __init__(self, folder: Path, delay_s: float, moment: Moment) -> None:
        super().__init__(daemon=True)
        self._folder = folder
        self._delay = delay_s
        self._moment = moment
        self._over = threading.Event()
        self.hit: str | None = None
        """The moment of the kill, and how many rows there were."""

    def run(self) -> None:
        """Wait for a run, then for the moment."""
        while (group := _run_below()) is None:
            if self._over.wait(0.01):
                return
        if self._over.wait(self._delay):
            return
        while not self._over.is_set():
            with suppress(OSError, ValueError):
                if self._moment(self._folder):
                    os.killpg(group, signal.SIGKILL)
                    self.hit = f"{self._moment.__name__} ({_rows(self._folder)} rows)"
                    return
            time.sleep(_PAUSE_S)

    def end(self) -> None:
        """Give up when the run has ended by itself."""
        self._over.set()
        if self.ident is not None:
            self.join()


class Bench:
    """A workspace with one small dataset of a task."""

    def __init__(self, root: Path, spec: TaskSpec) -> None:
        self.spec = spec
        self.workspace = Workspace(root)
        self.workspace.prepare()
        self.settings = Settings(workspace=root, offline=True)
        self.project = self.workspace.projects.create("Resume", spec.id)
        folder = GENERATORS[spec.annotation_kind](root / "generated" / spec.id)
        payload = {"project_id": self.project.id, "source": {"path": str(folder)}, "format": "auto", "mode": "append"}
        job = self._claimed(JobKind.IMPORT, payload)
        import_images(Run(self.workspace, job, self.settings))
        self.workspace.jobs.apply(job.id, Succeed(job.epoch, None))
        self.split = self._split()

    def experiment(self, architecture: Architecture, workers: int, epochs: int) -> Experiment:
        """Return a new experiment with tiny settings."""
        size = max(64, architecture.image_sizes[0])
        params = {"image_size": size, "batch_size": 4, "epochs": epochs, "pretrained": False}
        configuration = Configuration(
            split_id=self.split.id,
            dataset_revision=self.split.dataset_revision,
            architecture=architecture.id,
            params={**architecture.overrides, **params},
            augmentations=list(self.spec.augmentations),
            hardware=Hardware(device="cpu", loader_workers=workers),
        )
        name = f"{architecture.id}, {workers} workers"
        made = Experiment(id=new_id("experiment"), project_id=self.project.id, name=name, configuration=configuration)
        return self.workspace.experiments(self.project.id).create(made)

    def train(self, experiment: Experiment, chance: random.Random, kills: int, span_s: float) -> list[str]:
        """Train an experiment to its end, under at most so many kills; return those that hit."""
        hit: list[str] = []
        first = chance.randrange(len(MOMENTS))
        job: Job | None = None
        while True:
            job = self._next_job(experiment, job)
            moment = MOMENTS[(first + len(hit)) % len(MOMENTS)]
            delay = chance.uniform(0, span_s if moment is at_once else 0.5 * span_s)
            killer = Killer(self.folder(experiment), delay, moment)
            if len(hit) < kills:
                killer.start()
            Supervisor(self.workspace.jobs, self.settings, "prove_resume", lambda: False).work(JobKind.TRAINING, _RUN)
            killer.end()
            hit += [killer.hit] if killer.hit else []
            job = self.workspace.jobs.get(job.id)
            if job.status is JobStatus.SUCCEEDED:
                return hit
            if job.error and job.error.code != "killed":
                raise SystemExit(f"The training failed by itself: {job.error}")

    def result(self, experiment: Experiment) -> Result:
        """Return the hash of the final weights, and the metric rows."""
        from shared.vision import checkpoints

        path = self.workspace.experiments(self.project.id).checkpoint_path(experiment.id, "last")
        digest = hashlib.sha256()
        for name, tensor in sorted(checkpoints.load(path)["model"].items()):
            digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
        return Result(digest.hexdigest(), (self.folder(experiment) / "metrics.jsonl").read_bytes())

    def folder(self, experiment: Experiment) -> Path:
        """Return the experiment's folder."""
        return self.workspace.experiments(self.project.id).folder(experiment.id)

    def _next_job(self, experiment: Experiment, job: Job | None) -> Job:
        """Return the job to work on: the same while it waits, as the reconciler would; else as "resume" gives it."""
        if job is not None and job.status is JobStatus.QUEUED:
            return job
        store = self.workspace.experiments(self.project.id)
        payload = {
            "project_id": self.project.id,
            "experiment_id": experiment.id,
            "resume": bool(store.checkpoints(experiment.id)),
        }
        made = self.workspace.jobs.create(JobKind.TRAINING, self.project.id, experiment.name, payload)
        store.update(experiment.id, lambda item: item.model_copy(update={"job_id": made.id}))
        return made

    def _claimed(self, kind: JobKind, payload: dict[str, Any]) -> Job:
        job = self.workspace.jobs.create(kind, self.project.id, "A job", payload)
        return self.workspace.jobs.apply(job.id, Claim("prove_resume", 600))

    def _split(self) -> Split:
        ids = [record.id for record in self.workspace.dataset(self.project.id).records()]
        random.Random(0).shuffle(ids)
        assignment: dict[Subset, list[str]] = {"train": ids[:_TRAIN], "val": ids[_TRAIN : _TRAIN + _VAL], "test": []}
        counts = {subset: len(chosen) for subset, chosen in assignment.items()}
        split = Split(
            id=new_id("split"),
            name="Small",
            ratios=Ratios(),
            seed=0,
            strategy="random",
            dataset_revision=1,
            counts=counts,
            subsets={subset: SubsetSummary(count=count, distribution={}) for subset, count in counts.items()},
            warnings=[],
            assignment=assignment,
        )
        return self.workspace.splits(self.project.id).create(split)


def architectures(count: int) -> list[tuple[TaskSpec, Architecture]]:
    """Return the smallest architectures there are, of whatever task."""
    every = [(spec, item) for spec in registry.specs() for item in spec.architectures]
    smallest: dict[str, tuple[TaskSpec, Architecture]] = {}
    for spec, item in sorted(every, key=lambda pair: pair[1].parameters):
        if spec.annotation_kind in GENERATORS:
            smallest.setdefault(item.id, (spec, item))
    return list(smallest.values())[:count]


def prove(root: Path, *, kills: int, seed: int, count: int = 3, loaders: tuple[int, ...] = (0, 2)) -> list[str]:
    """Train and kill; return what differed, which should be nothing. `kills` are spread over all combinations."""
    os.environ.update(AI_STUDIO_WORKSPACE=str(root), AI_STUDIO_OFFLINE="true")
    chance, wrong, done = random.Random(seed), list[str](), 0
    benches: dict[str, Bench] = {}
    plan = [(spec, item, workers) for spec, item in architectures(count) for workers in loaders]
    for at, (spec, item, workers) in enumerate(plan):
        bench = benches.get(spec.id) or Bench(root, spec)
        benches[spec.id] = bench
        wanted, hit = kills * (at + 1) // len(plan) - done, 0
        whole = bench.experiment(item, workers, epochs=3)
        began = time.monotonic()
        bench.train(whole, chance, 0, 0)
        span = time.monotonic() - began
        expected = bench.result(whole)
        print(f"{whole.name}: undisturbed in {span:.1f} s, weights {expected.weights[:16]}", flush=True)
        while hit < wanted:
            killed = bench.experiment(item, workers, epochs=3)
            found = bench.train(killed, chance, wanted - hit, span)
            same = bench.result(killed) == expected
            hit += len(found)
            told = ", ".join(found)
            print(f"  {'same' if same else 'DIFFERENT'} after {len(found)} kills: {told}", flush=True)
            if not same:
                wrong.append(f"{killed.name} after {told}")
        done += hit
    print(f"{done} kills, {len(wrong)} differences", flush=True)
    return wrong


def _run_below() -> int | None:
    """Return the process group of a run that this process has started."""
    with suppress(psutil.Error):
        for child in psutil.Process().children():
            if _RUN in child.cmdline():
                return child.pid
    return None


def _listed(folder: Path) -> list[dict[str, Any]]:
    try:
        listed: list[dict[str, Any]] = json.loads((folder / "checkpoints" / "manifest.json").read_bytes())[
            "checkpoints"
        ]
    except FileNotFoundError:
        return []
    return listed


def _rows(folder: Path) -> int:
    try:
        return (folder / "metrics.jsonl").read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="prove-resume-") as folder:
        return 1 if prove(Path(folder), kills=chosen.kills, seed=chosen.seed) else 0


if __name__ == "__main__":
    raise SystemExit(main())
