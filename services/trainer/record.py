"""What a training leaves in its experiment's folder: metric rows, checkpoints, summary."""

import logging
import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from lightning import Trainer

from services.trainer.preparation import Prepared, goes_on
from services.trainer.stopping import improves, note_epoch
from shared.bus.run import Cancelled, Run, figures
from shared.errors import DiskFull, NotFound
from shared.schemas.course import EpochSamples
from shared.schemas.evaluation import ImageResult
from shared.schemas.experiment import Ended, EpochRow, Experiment, Summary
from shared.schemas.provenance import Provenance
from shared.taskkit.spec import TaskSpec
from shared.vision import checkpoints
from shared.vision.device import device_label

log = logging.getLogger(__name__)


class Record:
    """Writes for one experiment. Without val images the lowest train loss decides which epoch is best."""

    def __init__(self, run: Run, experiment: Experiment, prepared: Prepared) -> None:
        self._run = run
        self._experiment = experiment
        self._prepared = prepared
        self._store = run.workspace.experiments(experiment.project_id)
        self._key, self._higher_is_better = _criterion(prepared.blueprint.spec, prepared.validates)
        self.course = self._store.course(experiment.id)
        self.skipped_images = len(self.course.skipped())
        self._ended: Ended | None = None

    def begin(self, provenance: Provenance) -> None:
        """Remove what does not belong to the point the training starts from, and keep what it runs with."""
        self.fence()
        if self._prepared.saved is None and not goes_on(self._run):
            self._store.clear_results(self._experiment.id)
        else:
            position = self._prepared.position
            self.course.keep_through(position.epoch, position.step)
        self._change(summary=self.summary(), provenance=provenance)

    def judge(self, row: EpochRow) -> None:
        """Let the learning rate follow the metric that decides which epoch is best, and early stopping its own."""
        self._prepared.module.end_epoch(row.metrics.get(self._key), higher_is_better=self._higher_is_better)
        note_epoch(self._prepared, row.metrics)

    def epoch(self, trainer: Trainer, row: EpochRow) -> None:
        """Store a finished epoch: its row, the best checkpoint if it is the best, then the last one.

        In this order a kill between any two leaves `last` at an earlier epoch, and the resumed run writes all again.
        """
        self.fence()
        position = self._prepared.position
        metric = row.metrics.get(self._key)
        best = self._is_best(metric)
        if best:
            position.best_epoch, position.best_metric = position.epoch, metric
        self.course.append_epoch(row)
        log.info(
            "epoch %s of %s: %s (%.1f s, %.0f images/s)%s%s",
            row.epoch,
            self._prepared.blueprint.params.epochs,
            figures(row.metrics),
            row.seconds or 0.0,
            row.images_per_second or 0.0,
            f", {row.vanished_objects} objects left out: cut away, or too small at this image size"
            if row.vanished_objects
            else "",
            ", the best so far" if best else "",
        )
        self._run.emit("epoch", row.model_dump(mode="json"))
        if best:
            self._save("best", trainer, metric)
            path = self._store.checkpoint_path(self._experiment.id, "best")
            self._publish("last", partial(shutil.copyfile, path), metric)
        else:
            self._save("last", trainer, metric)
        self._summarize()

    def samples(self, epoch: int, items: list[ImageResult]) -> None:
        """Store what the model says of a few images, if there are any."""
        if items:
            self.fence()
            with suppress(DiskFull):  # the checkpoint may still fit
                self.course.append_samples(EpochSamples(epoch=epoch, items=items))

    def unfinished_epoch(self, trainer: Trainer) -> None:
        """Store `last` in the middle of an epoch, to go on from this very batch."""
        self.fence()
        rows = self._store.metrics(self._experiment.id)
        self._save("last", trainer, rows[-1].metrics.get(self._key) if rows else None)

    def summary(self) -> Summary:
        """Return what is known of the training by now."""
        position = self._prepared.position
        return Summary(
            epochs_done=position.epoch,
            epochs_total=self._prepared.blueprint.params.epochs,
            best_epoch=position.best_epoch,
            best_metric=position.best_metric,
            metric_key=self._key,
            device=device_label(self._prepared.device),
            seconds=round(position.seconds, 3),
            skipped_images=self.skipped_images,
            ended=self._ended,
        )

    def end(self, how: Ended) -> None:
        """Note how the training ended."""
        self._ended = how
        self.fence()
        self._summarize()

    def _summarize(self) -> None:
        self._change(summary=self.summary())

    def _change(self, **changes: Summary | Provenance) -> None:
        def change(item: Experiment) -> Experiment:
            self._refuse_unless_ours(item)
            return item.model_copy(update=changes)

        self._store.update(self._experiment.id, change)

    def fence(self) -> None:
        """Raise `Cancelled` unless the job is this run's and the experiment this job's."""
        self._run.fence()
        try:
            self._refuse_unless_ours(self._store.get(self._experiment.id))
        except NotFound as error:
            raise Cancelled from error

    def _refuse_unless_ours(self, experiment: Experiment) -> None:
        if experiment.job_id != self._run.job.id:
            raise Cancelled

    def _is_best(self, metric: float | None) -> bool:
        best = self._prepared.position.best_metric
        return best is None if metric is None else improves(metric, best, higher_is_better=self._higher_is_better)

    def _save(self, name: checkpoints.Name, trainer: Trainer, metric: float | None) -> None:
        prepared = self._prepared
        save = partial(
            checkpoints.save,
            trainer=trainer,
            module=prepared.module,
            blueprint=prepared.blueprint,
            position=prepared.position,
        )
        self._publish(name, save, metric)

    def _publish(self, name: checkpoints.Name, save: Callable[[Path], object], metric: float | None) -> None:
        def save_if_ours(path: Path) -> None:
            save(path)
            self.fence()  # writing takes long enough for a restart or another job to come between

        epoch = self._prepared.position.epoch
        self._store.save_checkpoint(self._experiment.id, name, save_if_ours, epoch=epoch, metric=metric)


def _criterion(spec: TaskSpec, validates: bool) -> tuple[str, bool]:
    if not validates:
        return "train_loss", False
    return spec.primary_key, spec.primary_metric.higher_is_better
