"""What is light stays light: nothing it loads reaches torch."""

import subprocess
import sys

import pytest

from tests.contracts.sources import ROOT

HEAVY = ("torch", "torchvision", "lightning", "torchmetrics", "transformers", "onnx", "onnxruntime")
REGISTRY = """
from typing import get_args
from shared.taskkit import registry
for task_id in registry.task_ids():
    registry.spec(task_id)
    for name in get_args(registry.LightPart):
        registry.part(task_id, name)
"""
LIGHT = {
    "gateway": "import services.gateway.app" + REGISTRY,
    "importer": "import services.importer.worker, services.importer.run" + REGISTRY,
    "trainer supervisor": "import services.trainer.worker",
    "evaluator supervisor": "import services.evaluator.worker",
    "exporter supervisor": "import services.exporter.worker",
}


@pytest.mark.parametrize("name", LIGHT)
def test_light_processes_never_load_torch(name: str):
    tell = f"\nimport sys; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    fresh = subprocess.run([sys.executable, "-c", LIGHT[name] + tell], cwd=ROOT, capture_output=True, text=True)
    assert fresh.returncode == 0, fresh.stderr
    assert fresh.stdout.strip() == ""
