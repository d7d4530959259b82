"""A detector that left the studio finds what it found inside."""

from pathlib import Path

import numpy as np
import pytest

from shared.taskkit.runtime import ExportView
from tests.vision.test_detectors import ALL, MOBILE, scenes, side, trained

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]


def partners(found, others):
    """Return how far each detection is from the nearest one of its class, in borders and score, and which that is.

    In pixels, because a model that hardly learned finds boxes without width, whose IoU even with themselves is nothing.
    """
    borders = (found["boxes"][:, None] - others["boxes"]).abs().amax(-1)
    other_class = found["labels"][:, None] != others["labels"]
    nearest = (borders + (found["scores"][:, None] - others["scores"]).abs()).masked_fill(other_class, float("inf"))
    return nearest.min(1)


@pytest.mark.parametrize("architecture", ALL)
def test_the_exported_detector_finds_the_same(architecture, tmp_path: Path):
    import torch

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
        assert float((expected["scores"].sort().values - found["scores"].sort().values).abs().max()) < 1e-4
        for one, other in ((expected, found), (found, expected)):
            apart, partner = partners(one, other)
            same = apart < 0.01
            assert float(same.float().mean()) > 0.9, "two boxes that overlap just so much may stand for each other"
            assert float((one["scores"] - other["scores"][partner])[same].abs().max()) < 1e-4
