"""One export, as a process of its own: `python -m services.exporter.run <job>`.

Payload: `project_id`, `export_id`; what to export is in the export's own document.
"""

import hashlib
import json
import logging
from pathlib import Path
from typing import Any, Final

import torch

from services.exporter.formats import FORMATS
from services.exporter.verification import Sample, choose_images, verify
from shared.bus.run import Cancelled, Run, main
from shared.errors import Conflict, NotFound
from shared.schemas.export import Export, ExportResult
from shared.store.files import replacing
from shared.taskkit.runtime import Blueprint
from shared.version import VERSION
from shared.vision import checkpoints
from shared.vision.augment import MEAN, STD
from shared.vision.inference import image_batches

log = logging.getLogger(__name__)
_BATCH: Final = 8
"""Images given to an exported model at a time, where it takes more than one."""


def work(run: Run) -> dict[str, Any]:
    """Write the file, verify it, and store both with the export; a failed verification is kept and said.

    Raises:
        StudioError: the checkpoint or the format is missing, or there are no images to verify on.
        Cancelled: nobody wants it any more.
        Yielded: the worker shuts down.
    """
    store = run.workspace.exports(run.payload["project_id"])
    export = store.get(run.payload["export_id"])
    result = _export(run, export, store.folder(export.id))
    run.finalize()
    _refuse_if_gone(run, export)
    store.save(export.model_copy(update={"result": result}))
    return {"export_id": export.id, "file": result.file, "passed": result.verification.passed}


def _export(run: Run, export: Export, folder: Path) -> ExportResult:
    if (chosen := FORMATS.get(export.format)) is None:
        raise Conflict("format_not_found", f"There is no export format {export.format[:40]!r}.")
    experiments = run.workspace.experiments(export.project_id)
    experiment = experiments.get(export.experiment_id)
    run.progress("exporting", 0, message="reading the checkpoint")
    sample = choose_images(run, experiment)
    checkpoint = experiments.checkpoint(experiment.id, export.checkpoint)
    source = experiments.checkpoint_path(experiment.id, checkpoint.file)
    runtime, blueprint, model = checkpoints.load_model(source, checkpoint.sha256)
    view = runtime.export_view(model, blueprint)
    metadata = {**_metadata(blueprint), **view.metadata}
    path = folder / _file_name(blueprint, checkpoint.name, chosen.extension)
    run.check()
    run.progress("exporting", 0, message=f"writing {path.name}")
    _refuse_if_gone(run, export)
    with replacing(path) as temporary:
        written = chosen.write(view, _example(run, export, sample, blueprint), metadata, temporary)
        run.fence()
        _refuse_if_gone(run, export)
    run.check()
    predictor = chosen.open(path)
    log.info("wrote %s, %s bytes; verifying on %s images", path.name, path.stat().st_size, len(sample.records))
    batch = _BATCH if 0 in view.dynamic_axes.get(view.input, {}) else 1
    verification = verify(run, runtime, blueprint, model, predictor, sample, export.project_id, chosen.runtime, batch)
    log.info("%s", verification.message)
    return ExportResult(
        file=path.name,
        size=path.stat().st_size,
        sha256=_sha256(path),
        input_shape=written.input_shape,
        output_shape=written.output_shape,
        metadata=metadata,
        verification=verification,
    )


def _example(run: Run, export: Export, sample: Sample, blueprint: Blueprint) -> torch.Tensor:
    """Return one of the images, [1, 3, S, S]."""
    path = run.workspace.dataset(export.project_id).image_path
    _, images = next(image_batches(sample.records[:1], path, blueprint.params.image_size, 1))
    return images


def _refuse_if_gone(run: Run, export: Export) -> None:
    """Raise `Cancelled` when the export was deleted: writing to it would bring its folder back."""
    try:
        current = run.workspace.exports(export.project_id).get(export.id)
    except NotFound as error:
        raise Cancelled from error
    if current.job_id != run.job.id:
        raise Cancelled


def _file_name(blueprint: Blueprint, checkpoint: str, extension: str) -> str:
    return f"{blueprint.architecture.id}-{blueprint.params.image_size}px-{checkpoint}.{extension}"


def _metadata(blueprint: Blueprint) -> dict[str, str]:
    """Return what a user of the file has to know; every value a string, lists as JSON."""
    size = blueprint.params.image_size
    return {
        "task": blueprint.spec.id,
        "architecture": blueprint.architecture.id,
        **_outputs_mean(blueprint),
        "image_size": str(size),
        "color_order": "RGB",
        "mean": json.dumps(MEAN),
        "std": json.dumps(STD),
        "preprocessing": f"RGB, resized to {size} x {size}, divided by 255, minus mean, divided by std",
        "studio_version": VERSION,
    }


def _outputs_mean(blueprint: Blueprint) -> dict[str, str]:
    """Return the names that outputs stand for, in their order: of classes, of numbers with their units."""
    found: dict[str, str] = {}
    if blueprint.classes:
        found["class_names"] = json.dumps([item.name for item in blueprint.classes], ensure_ascii=False)
    if blueprint.targets:
        found["targets"] = json.dumps([item.model_dump() for item in blueprint.targets], ensure_ascii=False)
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    raise SystemExit(main(work))
