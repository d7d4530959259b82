"""The proof that an exported file gives the answers of its checkpoint: both are asked about the same real images."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import nn

from services.exporter.formats.base import Predictor
from shared.bus.run import Run
from shared.errors import Conflict
from shared.schemas.base import Subset
from shared.schemas.dataset import ImageRecord
from shared.schemas.experiment import Experiment
from shared.schemas.export import Verification
from shared.taskkit.runtime import Agreement, Blueprint, TaskRuntime
from shared.vision.inference import image_batches
from shared.vision.subsets import load_subsets

TOLERANCE: Final = 1e-4
MOST_IMAGES: Final = 64
_ORDER: Final[tuple[Subset, ...]] = ("test", "val", "train")
_TIMED_RUNS: Final = 30


@dataclass(frozen=True, slots=True)
class Sample:
    """Images to verify on, and where they came from."""

    records: Sequence[ImageRecord]
    source: str


def choose_images(run: Run, experiment: Experiment) -> Sample:
    """Return up to `MOST_IMAGES` images spread evenly over the test subset; val or train images where it is empty.

    Raises:
        Conflict: the split is gone or has no images.
    """
    subsets = load_subsets(run.workspace, experiment.project_id, experiment.configuration, _ORDER)
    for name in _ORDER:
        if records := subsets[name]:
            step = max(1, len(records) // MOST_IMAGES)
            return Sample(records[::step][:MOST_IMAGES], f"{name} subset")
    raise Conflict(
        "split_empty",
        "The split of this experiment has no images to verify the export on.",
        hint="Make an experiment with a split that has images.",
    )


def verify(
    run: Run,
    runtime: TaskRuntime,
    blueprint: Blueprint,
    model: nn.Module,
    predictor: Predictor,
    sample: Sample,
    project_id: str,
    runtime_name: str,
    batch: int,
) -> Verification:
    """Compare the exported model with the checkpoint's, image by image.

    Args:
        run: whose progress is told.
        runtime: the task.
        blueprint: of the model.
        model: the checkpoint's, on the CPU, in evaluation mode.
        predictor: the exported one.
        sample: what to ask about.
        project_id: whose images.
        runtime_name: what the exported model ran in.
        batch: how many images it is given at a time.
    """
    path = run.workspace.dataset(project_id).image_path
    compared: list[Agreement] = []
    one: np.ndarray | None = None
    run.progress("verifying", 0, len(sample.records), unit="images")
    for records, images in image_batches(sample.records, path, blueprint.params.image_size, batch):
        with torch.inference_mode():
            expected = runtime.predict(model, images, records, blueprint)
        actual = runtime.read_outputs(predictor(images.numpy()), records, blueprint)
        compared += [runtime.compare(*pair, blueprint) for pair in zip(expected, actual, strict=True)]
        one = images[:1].numpy()
        run.progress("verifying", len(compared), len(sample.records), unit="images")
        run.check()
    assert one is not None, "a sample has images"
    return _judged(compared, sample, runtime_name, _median_latency_ms(predictor, one))


def _judged(compared: Sequence[Agreement], sample: Sample, runtime_name: str, latency_ms: float) -> Verification:
    difference = max(item.difference for item in compared)
    agreement = sum(item.same_decision for item in compared) / len(compared)
    passed = difference <= TOLERANCE and agreement == 1.0
    return Verification(
        passed=passed,
        image_count=len(compared),
        images=sample.source,
        max_difference=difference,
        tolerance=TOLERANCE,
        agreement=agreement,
        runtime=runtime_name,
        latency_ms_p50=round(latency_ms, 3),
        message=_message(passed, difference, agreement, len(compared), sample.source),
    )


def _message(passed: bool, difference: float, agreement: float, count: int, source: str) -> str:
    if passed:
        return f"Same answer as the checkpoint on all {count} images of the {source}."
    if agreement < 1.0:
        wrong = count - round(agreement * count)
        return f"Other answers than the checkpoint's on {wrong} of {count} images of the {source}."
    return f"Same answers, but outputs differ by up to {difference:.2g}, more than the {TOLERANCE:g} allowed."


def _median_latency_ms(predictor: Predictor, image: np.ndarray) -> float:
    predictor(image)
    times = []
    for _ in range(_TIMED_RUNS):
        start = time.perf_counter()
        predictor(image)
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1000
