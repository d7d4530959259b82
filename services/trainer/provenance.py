"""What a training runs with, as its experiment keeps it."""

import platform
from importlib.metadata import PackageNotFoundError, version

from services.trainer.preparation import Prepared
from shared.bus.run import Run
from shared.schemas.experiment import Experiment
from shared.schemas.provenance import Provenance
from shared.version import VERSION, commit
from shared.vision.device import device_label

_LIBRARIES = ("torch", "torchvision", "lightning")


def provenance_of(run: Run, experiment: Experiment, prepared: Prepared) -> Provenance:
    """Return code, libraries, device and seed of this run."""
    return Provenance(
        studio=VERSION,
        commit=commit(),
        libraries={"python": platform.python_version(), **_versions()},
        device=device_label(prepared.device),
        precision=experiment.configuration.hardware.precision,
        seed=prepared.blueprint.params.seed,
        job_id=run.job.id,
    )


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
