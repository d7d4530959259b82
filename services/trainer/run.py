"""One training, as a process of its own: `python -m services.trainer.run <job>`.

Payload: `project_id`, `experiment_id`, `resume`.
"""

import logging
from typing import Any

from services.trainer.failures import explained
from services.trainer.preparation import Prepared, last_checkpoint, prepare
from services.trainer.provenance import provenance_of
from services.trainer.record import Record
from services.trainer.telemetry import Telemetry
from services.trainer.watch import Stopped, Watch
from shared.bus.run import Run, main
from shared.errors import Conflict
from shared.schemas.experiment import Experiment
from shared.store.files import disk_errors
from shared.taskkit import registry
from shared.taskkit.optimization import effective_batch_size
from shared.vision.trainer import make_trainer, quiet_lightning

log = logging.getLogger(__name__)


def work(run: Run) -> dict[str, Any]:
    """Train the experiment to its end, or until a person stops it; return its summary.

    Raises:
        StudioError: it cannot be trained.
        Cancelled: nobody wants it any more.
        Yielded: the worker shuts down.
    """
    store = run.workspace.experiments(run.payload["project_id"])
    experiment = store.get(run.payload["experiment_id"])
    if experiment.job_id != run.job.id:
        raise Conflict("superseded", "This experiment was given to another training job.")
    _write_log(store.folder(experiment.id) / "logs" / "training.log")
    run.progress("preparing", 0, message="reading the dataset and building the model")
    spec = registry.spec(run.workspace.projects.get(experiment.project_id).task)
    with disk_errors(), explained(spec, experiment), quiet_lightning():
        record = _train(run, experiment)
    return {"experiment_id": experiment.id, **record.summary().model_dump(mode="json")}


def _train(run: Run, experiment: Experiment) -> Record:
    prepared = prepare(run, experiment, last_checkpoint(run, experiment))
    record = Record(run, experiment, prepared)
    record.begin(provenance_of(run, experiment, prepared))
    _log_plan(prepared)
    left = prepared.blueprint.params.epochs - prepared.position.epoch
    if prepared.saved:
        log.info("going on after %s epochs and %s batches", prepared.position.epoch, prepared.position.batch)
    if not prepared.validates:
        log.info("the split has no val images: the lowest train loss decides which epoch is best")
    if left > 0 and not prepared.position.stopped_early:
        watch = Watch(run, prepared, record)
        params = prepared.blueprint.params
        trainer = make_trainer(
            prepared.device,
            left,
            params,
            watch,
            validates=prepared.validates,
            precision=experiment.configuration.hardware.precision,
        )
        try:
            with Telemetry(run, record.course):
                trainer.fit(prepared.module, datamodule=prepared.data)
        except Stopped:
            run.ended_early = True
            record.end("stopped")
            log.info("stopped after %s epochs and %s batches", prepared.position.epoch, prepared.position.batch)
            return record
    record.end("early" if prepared.position.stopped_early else "finished")
    return record


def _log_plan(prepared: Prepared) -> None:
    blueprint = prepared.blueprint
    params = blueprint.params
    log.info(
        "training %s at %s px on %s: %s, %s batches of %s an epoch, %s images an update, %s epochs",
        blueprint.architecture.label,
        params.image_size,
        prepared.device,
        prepared.data.counts,
        prepared.data.batches_per_epoch,
        params.batch_size,
        effective_batch_size(params.batch_size, params.accumulate),
        params.epochs,
    )


def _write_log(path: Any) -> None:
    """Keep the log beside the experiment too; it grows over all runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.getLogger().addHandler(handler)


if __name__ == "__main__":
    raise SystemExit(main(work))
