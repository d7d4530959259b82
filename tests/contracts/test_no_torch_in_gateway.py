"""What is light stays light: it never loads torch, and it runs with the light requirements alone."""

import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest

from scripts.studio.locks import blocks
from tests.contracts.sources import ROOT

HEAVY = {"torch", "torchvision", "lightning", "torchmetrics", "transformers", "onnx", "onnxruntime"}
REGISTRY = """
from typing import get_args
from shared.taskkit import registry
for task_id in registry.task_ids():
    registry.spec(task_id)
    for name in get_args(registry.LightPart):
        registry.part(task_id, name)
"""
MESSAGES = "\nimport kombu.transport.redis, celery.concurrency.prefork, celery.worker.worker\n"
LIGHT = {
    "gateway": "import services.gateway.app" + REGISTRY + MESSAGES,
    "importer": "import services.importer.worker, services.importer.run" + REGISTRY + MESSAGES,
    "trainer supervisor": "import services.trainer.worker" + MESSAGES,
    "evaluator supervisor": "import services.evaluator.worker" + MESSAGES,
    "exporter supervisor": "import services.exporter.worker" + MESSAGES,
    "previewer": "import services.previewer.worker" + MESSAGES,
    "flower": "import flower.command, flower.app, shared.bus.celery_app" + MESSAGES,
}
WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""


def _run(code: str) -> str:
    fresh = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert fresh.returncode == 0, fresh.stderr
    return fresh.stdout


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


@pytest.mark.parametrize("name", LIGHT)
def test_light_processes_never_load_torch(name: str):
    loaded = _run(LIGHT[name] + "\nimport sys; print(*sys.modules)").split()
    assert not HEAVY & set(loaded)


@pytest.mark.parametrize("name", LIGHT)
def test_light_processes_need_nothing_but_the_light_requirements(name: str):
    lock = (ROOT / "requirements" / "light.txt").read_text()
    locked = {_plain(block.partition("==")[0]) for block in blocks(lock)}
    absent = {
        module
        for module, providers in packages_distributions().items()
        if not locked & {_plain(provider) for provider in providers}
    }
    _run(WITHOUT.format(absent=absent) + LIGHT[name])
