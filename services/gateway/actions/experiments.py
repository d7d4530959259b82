"""Experiments: configuration, training, what came of it."""

from typing import Any

from services.gateway.actions import configuration, jobs, offers
from services.gateway.actions.configuration import NO_CHANGES, ExperimentBody
from services.gateway.studio import Studio
from shared.errors import Conflict, StudioError
from shared.schemas.base import Model, new_id
from shared.schemas.experiment import CheckpointInfo, EpochRow, Experiment, ExperimentStatus, experiment_status
from shared.schemas.job import Job
from shared.schemas.split import LeakReport
from shared.store.curves import curve

_ALWAYS_OPEN = {"name", "description", "notes", "tags"}


class ExperimentView(Model):
    """An experiment with its status, its split's name and its newest job."""

    experiment: Experiment
    status: ExperimentStatus
    split_name: str
    leaks: LeakReport | None
    """What leaks from one side of the split to the other, where that is known."""
    job: Job | None
    checkpoints: list[CheckpointInfo]
    curve: list[float]
    """The key metric over the epochs, thinned; see `shared.store.curves`."""

    @property
    def leaky(self) -> bool:
        """Whether images that are alike stand on different sides, so that metrics come out better than they are."""
        return self.leaks is not None and self.leaks.leaky

    def body(self) -> dict[str, Any]:
        """Return the experiment as the API shows it."""
        return {
            **self.experiment.model_dump(mode="json", exclude={"schema_version", "configuration"}),
            **self.experiment.configuration.model_dump(mode="json"),
            "effective_batch_size": configuration.effective_batch(
                self.experiment.configuration.params, self.experiment.configuration.hardware.model_dump()
            ),
            "split_name": self.split_name,
            "split_leaky": self.leaky,
            "status": self.status.value,
            "curve": self.curve,
            "checkpoints": [item.model_dump(mode="json") for item in self.checkpoints],
            **jobs.told(self.job),
        }


def listed(studio: Studio, project_id: str) -> list[ExperimentView]:
    """Return a project's experiments, newest first."""
    studio.workspace.projects.get(project_id)
    known = {job.id: job for job in studio.workspace.jobs.list()}
    items = studio.workspace.experiments(project_id).list()
    return [with_job(studio, item, known.get(item.job_id or "")) for item in items]


def view(studio: Studio, project_id: str, experiment_id: str) -> ExperimentView:
    """Return one experiment or raise `NotFound`."""
    studio.workspace.projects.get(project_id)
    return with_status(studio, studio.workspace.experiments(project_id).get(experiment_id))


def newest(studio: Studio, project_id: str) -> ExperimentView | None:
    """Return a project's newest experiment, if it has any."""
    items = studio.workspace.experiments(project_id).list()
    return with_status(studio, items[0]) if items else None


def create(studio: Studio, project_id: str, body: ExperimentBody) -> ExperimentView:
    """Store a new experiment, everything missing filled from the task's defaults.

    Raises:
        NotFound, Conflict, Invalid: see `configuration.complete`.
    """
    architecture, complete = configuration.complete(studio, project_id, body)
    store = studio.workspace.experiments(project_id)
    experiment = Experiment(
        id=new_id("experiment"),
        project_id=project_id,
        name=body.name or f"{architecture.label} {len(store.list()) + 1}",
        description=body.description or "",
        notes=body.notes or "",
        tags=body.tags or [],
        configuration=complete,
    )
    return with_status(studio, store.create(experiment))


def edit(
    studio: Studio, project_id: str, experiment_id: str, body: ExperimentBody, revision: int | None = None
) -> ExperimentView:
    """Change an experiment: its name, description, notes and tags always, the rest while it is `created`.

    Raises:
        Conflict: the configuration is locked.
    """

    def change(item: Experiment) -> Experiment:
        changes = {key: value for key in _ALWAYS_OPEN if (value := getattr(body, key)) is not None}
        if body.model_fields_set - _ALWAYS_OPEN:
            if status_of(studio, item) is not ExperimentStatus.CREATED:
                raise Conflict(
                    "experiment_is_locked",
                    "The configuration of an experiment is locked once it has started.",
                    hint="Duplicate the experiment, or restart it, which drops its results.",
                )
            changes["configuration"] = configuration.changed(studio, project_id, item.configuration, body)
        return item.model_copy(update=changes)

    studio.workspace.projects.get(project_id)
    changed = studio.workspace.experiments(project_id).update(experiment_id, change, revision=revision)
    return with_status(studio, changed)


def delete(studio: Studio, project_id: str, experiment_id: str) -> None:
    """Remove an experiment with its checkpoints and evaluation.

    Raises:
        Conflict: a job of it waits or runs.
    """
    view(studio, project_id, experiment_id)
    with jobs.starting:
        refuse_while_busy(studio, project_id, experiment_id)
        studio.workspace.experiments(project_id).delete(experiment_id)


def duplicate(
    studio: Studio, project_id: str, experiment_id: str, changes: ExperimentBody = NO_CHANGES
) -> ExperimentView:
    """Store a new experiment with the same configuration but for `changes`.

    Raises:
        Invalid, NotFound: a change cannot be used, or there is no dataset any more.
    """
    studio.workspace.dataset(project_id).head()
    source = view(studio, project_id, experiment_id).experiment
    made = source.configuration
    if changes.model_fields_set - _ALWAYS_OPEN:
        made = configuration.changed(studio, project_id, made, changes)
    copy = Experiment(
        id=new_id("experiment"),
        project_id=project_id,
        name=changes.name or f"{source.name[:110]} (copy)",
        description=source.description if changes.description is None else changes.description,
        notes=changes.notes or "",
        tags=source.tags if changes.tags is None else changes.tags,
        configuration=made,
    )
    return with_status(studio, studio.workspace.experiments(project_id).create(copy))


def accept_offer(studio: Studio, project_id: str, experiment_id: str) -> ExperimentView:
    """Store a copy with the changes that the failure of the newest training offers.

    Raises:
        Conflict: it offers none.
    """
    found = view(studio, project_id, experiment_id)
    offer = found.job.error.offer if found.job and found.job.error else None
    if offer is None:
        raise Conflict("nothing_is_offered", "The last training of this experiment offers no change.")
    hardware = found.experiment.configuration.hardware.model_dump() | offer.hardware
    name = f"{found.experiment.name[:110]} (mended)"
    changes = {"name": name, "params": offer.params, "hardware": hardware}
    return duplicate(studio, project_id, experiment_id, ExperimentBody.model_validate(changes))


def metrics(studio: Studio, project_id: str, experiment_id: str, since_epoch: int = 0) -> list[EpochRow]:
    """Return the metric rows of epochs after `since_epoch`."""
    view(studio, project_id, experiment_id)
    return studio.workspace.experiments(project_id).metrics(experiment_id, since_epoch)


def with_status(studio: Studio, item: Experiment) -> ExperimentView:
    """Return an experiment with what is known of it elsewhere."""
    return with_job(studio, item, jobs.find(studio, item.job_id))


def with_job(studio: Studio, item: Experiment, job: Job | None) -> ExperimentView:
    """Return an experiment with what is known of it elsewhere, its newest job being known already."""
    store = studio.workspace.experiments(item.project_id)
    try:
        split = studio.workspace.splits(item.project_id).get(item.configuration.split_id)
    except StudioError:
        split = None
    return ExperimentView(
        experiment=item,
        status=experiment_status(job),
        split_name=split.name if split else "(deleted)",
        leaks=split.leaks if split else None,
        job=offers.added(studio, item, jobs.with_progress(studio, job)) if job else None,
        checkpoints=store.checkpoints(item.id),
        curve=curve(store.folder(item.id) / "metrics.jsonl", key_metric(studio, item)),
    )


def key_metric(studio: Studio, item: Experiment) -> str:
    """Return the key, in metric rows, of the metric that decides which epoch is best."""
    return item.summary.metric_key or configuration.task_of(studio, item.project_id).primary_key


def status_of(studio: Studio, item: Experiment) -> ExperimentStatus:
    """Return where an experiment is."""
    return experiment_status(jobs.find(studio, item.job_id))


def refuse_while_busy(studio: Studio, project_id: str, experiment_id: str) -> None:
    """Raise `Conflict` when a job of the experiment waits or runs."""
    for job in jobs.unfinished(studio, project_id):
        if job.payload.get("experiment_id") == experiment_id:
            raise Conflict(
                "experiment_is_running",
                f"A job of this experiment is not finished: {job.title}.",
                hint="Stop it first.",
            )
