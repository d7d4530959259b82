"""What would mend a training that the system ended for want of memory: its run had no time to say it."""

from services.gateway.studio import Studio
from shared.schemas.experiment import Experiment
from shared.schemas.job import Job
from shared.taskkit import registry
from shared.taskkit.relief import memory_hint, memory_offer


def added(studio: Studio, experiment: Experiment, job: Job) -> Job:
    """Return the job, its error with an offer where memory was wanting."""
    if job.error is None or job.error.code != "out_of_memory" or job.error.offer is not None:
        return job
    spec = registry.spec(studio.workspace.projects.get(experiment.project_id).task)
    configuration = experiment.configuration
    told = {
        "offer": memory_offer(spec, configuration),
        "hint": memory_hint(spec, configuration, on_gpu=False),
    }
    return job.model_copy(update={"error": job.error.model_copy(update=told)})
