"""What a training runs with, stored in its experiment when it starts."""

import platform
from importlib.metadata import PackageNotFoundError, version

from services.trainer.preparation import Prepared
from shared.bus.run import Cancelled, Run
from shared.schemas.experiment import Experiment
from shared.schemas.provenance import Provenance
from shared.version import VERSION, commit
from shared.vision.device import device_label

_LIBRARIES = ("torch", "torchvision", "lightning")


def store_provenance(run: Run, experiment: Experiment, prepared: Prepared) -> None:
    """Keep code, libraries, device and seed of this run.

    Raises:
        Cancelled: the experiment was given to another job.
    """
    made = Provenance(
        studio=VERSION,
        commit=commit(),
        libraries={"python": platform.python_version(), **_versions()},
        device=device_label(prepared.device),
        precision=str(experiment.configuration.hardware.model_dump().get("precision", "32")),
        seed=prepared.blueprint.params.seed,
        job_id=run.job.id,
    )

    def change(item: Experiment) -> Experiment:
        if item.job_id != run.job.id:
            raise Cancelled
        return item.model_copy(update={"provenance": made})

    run.workspace.experiments(experiment.project_id).update(experiment.id, change)


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
