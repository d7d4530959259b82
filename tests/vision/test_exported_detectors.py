"""A detector that left the studio finds what it found inside."""

from pathlib import Path

import numpy as np
import pytest

from shared.taskkit.runtime import ExportView
from tests.vision.test_detectors import ALL, MOBILE, scenes, side, trained

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("architecture", ALL)
def test_the_exported_detector_finds_the_same(architecture, tmp_path: Path):
    import torch
    from torchvision.ops import box_iou

    from services.exporter.formats.onnx import open_file, write
    from shared.vision.detectors import ExportedDetector

    steps = 30 if architecture in MOBILE else 2
    model, size = trained(architecture, steps), side(architecture)
    outputs = ("boxes", "scores", "labels")
    free = {name: {0: "detections"} for name in outputs}
    images, _ = scenes(size, 3)
    view = ExportView(ExportedDetector(model).eval(), "image", outputs, free)
    write(view, images[:1], {}, tmp_path / "model.onnx")
    predict = open_file(tmp_path / "model.onnx")
    for image in images:
        with torch.inference_mode():
            expected = model(image[None])[0]
        found = {key: torch.from_numpy(np.array(value)) for key, value in predict(image[None].numpy()).items()}
        assert found["labels"].dtype == torch.int64
        assert len(found["labels"]) == len(expected["labels"])
        if not len(found["labels"]):
            continue
        pairs = box_iou(expected["boxes"], found["boxes"]) * (expected["labels"][:, None] == found["labels"])
        best, index = pairs.max(1)
        assert float((expected["scores"].sort().values - found["scores"].sort().values).abs().max()) < 1e-4
        clear = best > 0.99
        assert float(clear.float().mean()) > 0.9
        assert float((expected["scores"] - found["scores"][index])[clear].abs().max()) < 1e-4
