"""Starting and ending trainings."""

from collections.abc import Callable

from services.gateway.actions import experiments, jobs
from services.gateway.actions.experiments import ExperimentView, status_of
from services.gateway.studio import Studio
from shared.errors import Conflict, NotFound
from shared.schemas.base import new_id
from shared.schemas.experiment import Experiment, ExperimentStatus, Summary
from shared.schemas.job import Job, JobKind

_BUSY = (ExperimentStatus.PENDING, ExperimentStatus.TRAINING)


def train(studio: Studio, project_id: str, experiment_id: str, key: str | None = None) -> Job:
    """Start the training of a `created` experiment.

    Raises:
        Conflict: it has started before.
    """
    return _start(studio, project_id, experiment_id, _refuse_unless_created, resume=False, key=key)


def resume(studio: Studio, project_id: str, experiment_id: str, key: str | None = None) -> Job:
    """Go on from the checkpoint `last` of an experiment that was stopped or failed.

    Raises:
        Conflict: it waits, runs or is complete, or has no checkpoint.
    """
    return _start(studio, project_id, experiment_id, _refuse_unless_resumable, resume=True, key=key)


def retry(studio: Studio, project_id: str, experiment_id: str, key: str | None = None) -> Job:
    """Train a failed experiment again: from its last checkpoint if it has one, else from the start.

    Raises:
        Conflict: it has not failed.
    """
    goes_on = bool(studio.workspace.experiments(project_id).checkpoints(experiment_id))
    return _start(studio, project_id, experiment_id, _refuse_unless_failed, resume=goes_on, key=key)


def stop(studio: Studio, project_id: str, experiment_id: str) -> Job:
    """End the training after the current batch; best and last checkpoint are kept.

    Raises:
        Conflict: it does not run.
    """
    found = experiments.view(studio, project_id, experiment_id)
    if found.job is None or found.job.status.final:
        raise Conflict("experiment_is_not_running", f"This experiment is {found.status}; there is nothing to stop.")
    return jobs.stop(studio, found.job.id)


def restart(studio: Studio, project_id: str, experiment_id: str) -> ExperimentView:
    """Drop an experiment's results and unlock its configuration.

    Raises:
        Conflict: a job of it waits or runs.
    """
    experiments.view(studio, project_id, experiment_id)
    store = studio.workspace.experiments(project_id)
    fresh = {"job_id": None, "summary": Summary(), "provenance": None}
    with jobs.starting:
        experiments.refuse_while_busy(studio, project_id, experiment_id)
        store.clear_results(experiment_id)
        item = store.update(experiment_id, lambda item: item.model_copy(update=fresh))
    return experiments.with_status(studio, item)


def _start(
    studio: Studio,
    project_id: str,
    experiment_id: str,
    refuse: Callable[[Studio, Experiment], None],
    *,
    resume: bool,
    key: str | None,
) -> Job:
    """Check, write the job, point the experiment to it, and ring last: a kill in between starts nothing twice."""
    found = experiments.view(studio, project_id, experiment_id)
    size = found.experiment.configuration.params.get("image_size")
    title = f"Train {found.experiment.name}" + (f" at {size} px" if size else "")
    job_id = new_id("job")
    payload = {"experiment_id": experiment_id, "resume": resume}

    def point(item: Experiment) -> Experiment:
        refuse(studio, item)
        studio.workspace.jobs.create(
            JobKind.TRAINING,
            project_id,
            title,
            {"project_id": project_id, **payload},
            idempotency_key=key,
            job_id=job_id,
        )
        return item.model_copy(update={"job_id": job_id})

    with jobs.starting:
        if (earlier := jobs.repeated(studio, JobKind.TRAINING, project_id, key, **payload)) is not None:
            return earlier
        _refuse_without_data(studio, project_id, found.experiment)
        try:
            studio.workspace.experiments(project_id).update(experiment_id, point)
        except BaseException:
            studio.workspace.jobs.delete(job_id)
            raise
    job = studio.workspace.jobs.get(job_id)
    jobs.announce(studio, job)
    return job


def _refuse_unless_created(studio: Studio, item: Experiment) -> None:
    status = status_of(studio, item)
    if status in (ExperimentStatus.PENDING, ExperimentStatus.TRAINING):
        raise Conflict("experiment_is_running", f"This experiment is {status} already.")
    if status is not ExperimentStatus.CREATED:
        raise Conflict(
            "experiment_is_locked",
            f"This experiment is {status}.",
            hint="Resume it, restart it (which drops its results), or duplicate it.",
        )


def _refuse_unless_resumable(studio: Studio, item: Experiment) -> None:
    status = status_of(studio, item)
    if status not in (ExperimentStatus.FAILED, ExperimentStatus.CANCELLED):
        code = "experiment_is_running" if status in _BUSY else "experiment_cannot_resume"
        raise Conflict(code, f"This experiment is {status}; only one that was stopped or failed can be resumed.")
    if not studio.workspace.experiments(item.project_id).checkpoints(item.id):
        raise Conflict(
            "nothing_to_resume",
            "This experiment ended before its first checkpoint.",
            hint="Restart it instead.",
        )


def _refuse_unless_failed(studio: Studio, item: Experiment) -> None:
    status = status_of(studio, item)
    if status is not ExperimentStatus.FAILED:
        code = "experiment_is_running" if status in _BUSY else "experiment_has_not_failed"
        raise Conflict(code, f"This experiment is {status}; only one that failed can be tried again.")


def _refuse_without_data(studio: Studio, project_id: str, item: Experiment) -> None:
    try:
        studio.workspace.splits(project_id).get(item.configuration.split_id)
    except NotFound:
        raise Conflict(
            "split_is_gone", "The split of this experiment was deleted.", hint="Choose another split."
        ) from None
    try:
        studio.workspace.dataset(project_id).revision(item.configuration.dataset_revision)
    except NotFound:
        raise Conflict(
            "dataset_revision_is_gone",
            "The dataset this experiment's split was made of was cleared.",
            hint="Make a split of the present dataset and choose it.",
        ) from None
