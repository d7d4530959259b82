"""One evaluation, as a process of its own: `python -m services.evaluator.run <job>`.

Payload: `project_id`, `experiment_id`; what to evaluate is in the evaluation's own document.
"""

import logging
from collections import Counter
from typing import Any

from shared.bus.run import Cancelled, Run, figures, main
from shared.errors import Conflict
from shared.schemas.base import SUBSETS, Subset
from shared.schemas.dataset import ImageRecord
from shared.schemas.evaluation import Aggregate, EvaluationConfig, ImageResult, Results
from shared.schemas.experiment import CheckpointInfo, Experiment
from shared.taskkit.parameters import validated
from shared.vision import checkpoints
from shared.vision.device import choose_device
from shared.vision.inference import image_batches, predictions
from shared.vision.subsets import load_subsets

log = logging.getLogger(__name__)


def work(run: Run) -> dict[str, Any]:
    """Predict and judge every image of the chosen subsets; publish results and totals; return the metrics.

    Raises:
        StudioError: the checkpoint, the split or an image is missing or damaged, or there are no images.
        Cancelled: nobody wants it any more.
        Yielded: the worker shuts down.
    """
    project_id, experiment_id = run.payload["project_id"], run.payload["experiment_id"]
    experiment = run.workspace.experiments(project_id).get(experiment_id)
    store = run.workspace.evaluation(project_id, experiment_id)
    config = store.get().config
    run.progress("preparing", 0, message="reading the checkpoint")
    checkpoint = run.workspace.experiments(project_id).checkpoint(experiment_id, config.checkpoint)
    images = _images(run, experiment, config)
    aggregate, results = _evaluate(run, experiment, config, checkpoint, images)
    run.finalize()
    if (current := store.find()) is None or current.job_id != run.job.id:
        raise Cancelled
    store.publish(aggregate, results)
    return {"experiment_id": experiment_id, "image_count": aggregate.image_count, "metrics": aggregate.metrics}


def _evaluate(
    run: Run,
    experiment: Experiment,
    config: EvaluationConfig,
    checkpoint: CheckpointInfo,
    images: list[tuple[Subset, ImageRecord]],
) -> tuple[Aggregate, Results]:
    device = choose_device(config.device)
    path = run.workspace.experiments(experiment.project_id).checkpoint_path(experiment.id, checkpoint.file)
    runtime, blueprint, model = checkpoints.load_model(path, checkpoint.sha256)
    options = validated(blueprint.spec.evaluation_options, config.options, "options")
    records = [record for _, record in images]
    image_path = run.workspace.dataset(experiment.project_id).image_path
    batches = image_batches(records, image_path, blueprint.params.image_size, config.batch_size)
    items: list[ImageResult] = []
    log.info("evaluating %s on %s: %s images on %s", checkpoint.name, ", ".join(config.subsets), len(images), device)
    run.progress("evaluating", 0, len(images), unit="images")
    found = predictions(runtime, blueprint, model.to(device), batches, device)
    for (subset, _), (record, prediction) in zip(images, found, strict=True):
        items.append(runtime.score(record, subset, prediction, blueprint, options))
        run.progress("evaluating", len(items), len(images), unit="images")
        run.check()
    totals = runtime.aggregate(items, blueprint, options)
    log.info("%s", figures(totals.metrics))
    aggregate = Aggregate(
        job_id=run.job.id,
        image_count=len(items),
        subsets=dict(Counter(subset for subset, _ in images)),
        metrics=totals.metrics,
        details=totals.details,
        checkpoint_sha256=checkpoint.sha256,
    )
    return aggregate, Results(job_id=run.job.id, items=items)


def _images(run: Run, experiment: Experiment, config: EvaluationConfig) -> list[tuple[Subset, ImageRecord]]:
    chosen = [subset for subset in SUBSETS if subset in config.subsets]
    found = load_subsets(run.workspace, experiment.project_id, experiment.configuration, chosen)
    images = [(subset, record) for subset in chosen for record in found[subset]]
    if not images:
        raise Conflict(
            "subset_empty",
            f"There are no images in {' and '.join(chosen)}.",
            hint="Choose another subset, or a split that has images in this one.",
        )
    return images


if __name__ == "__main__":
    raise SystemExit(main(work))
