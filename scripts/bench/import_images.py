"""Goal 1: an import is at least 0.75 (12 MP) and 0.6 (1 MP) as fast as decoding the same JPEGs to thumbnail size.

The reference decodes bytes that are in memory already, at the smallest scale of the format that suffices, on as many
threads as an import has: with simplejpeg where it is installed, which is libjpeg-turbo and little else, otherwise with
Pillow's `draft`.
"""

import importlib.util
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from services.importer.run import work
from shared.bus.run import Run
from shared.schemas.job import JobKind
from shared.settings import Settings
from shared.store.lifecycle import Claim
from shared.store.workspace import Workspace
from shared.taskkit import registry
from shared.taskkit.images import THUMBNAIL_SIZE

_CASES = ((12, (4000, 3000), 128, 0.75), (1, (1152, 864), 480, 0.6))
"""Megapixels, size, how many files, goal."""
_PHOTOS = 4
_RUNS = 3


def main() -> int:
    """Measure both in turns for each size; return 1 when a goal is missed."""
    with tempfile.TemporaryDirectory() as place:
        verdicts = [_measure(Path(place), *case) for case in _CASES]
    return 0 if all(verdicts) else 1


def _measure(place: Path, megapixels: int, size: tuple[int, int], count: int, goal: float) -> bool:
    files = _photos(place / f"{megapixels}mp" / "class", size, count)
    decode, name = _reference()
    workspace = Workspace(place / f"workspace-{megapixels}")
    workspace.prepare()
    ours, theirs = [], []
    for _ in range(_RUNS):
        ours.append(_timed(partial(_import, workspace, files[0].parent.parent, count)))
        theirs.append(_timed(partial(_decode_all, decode, [path.read_bytes() for path in files])))
    (mine, my_cpu), (reference, reference_cpu) = (
        map(statistics.median, zip(*runs, strict=True)) for runs in (ours, theirs)
    )
    good = bool(reference >= goal * mine)
    print(
        f"import of {count} JPEGs of {megapixels} MP: {count / mine:.1f} images/s, {name} {count / reference:.1f}, "
        f"ratio {reference / mine:.2f} ({reference_cpu / my_cpu:.2f} of CPU), goal {goal}: {'ok' if good else 'MISSED'}"
    )
    return good


def _timed(action: Callable[[], None]) -> tuple[float, float]:
    """Return seconds on the clock and seconds of CPU."""
    start, cpu = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - start, time.process_time() - cpu


def _import(workspace: Workspace, folder: Path, count: int) -> None:
    """Import the folder of class folders into a new project."""
    task = next(spec.id for spec in registry.specs() if spec.annotation_kind == "label")
    project = workspace.projects.create("Benchmark", task)
    payload = {"project_id": project.id, "source": {"path": str(folder)}, "format": "auto", "mode": "append"}
    job = workspace.jobs.create(JobKind.IMPORT, project.id, "Import", payload)
    run = Run(workspace, workspace.jobs.apply(job.id, Claim("benchmark", 600)), Settings(workspace=workspace.root))
    added = work(run)["added"]
    assert added == count, f"{added} of {count} images were imported"


def _decode_all(decode: Callable[[bytes], Any], files: Sequence[bytes]) -> None:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(decode, files):
            pass


def _reference() -> tuple[Callable[[bytes], Any], str]:
    if importlib.util.find_spec("simplejpeg") is None:
        return _with_pillow, "Pillow's draft decoding"
    simplejpeg = importlib.import_module("simplejpeg")
    return partial(simplejpeg.decode_jpeg, min_width=THUMBNAIL_SIZE, min_factor=1), "simplejpeg"


def _with_pillow(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (THUMBNAIL_SIZE, THUMBNAIL_SIZE * image.height // image.width))
        image.load()
        return image


def _photos(folder: Path, size: tuple[int, int], count: int) -> list[Path]:
    """Write JPEGs with structure at every scale, as photos have; few differ in more than their comment."""
    folder.mkdir(parents=True)
    photos = [_photo(np.random.default_rng(seed), size) for seed in range(_PHOTOS)]
    files = [folder / f"{number:04}.jpg" for number in range(count)]
    for number, path in enumerate(files):
        photos[number % _PHOTOS].save(path, quality=90, comment=f"{number}")
    return files


def _photo(chance: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    total = np.full((size[1], size[0], 3), 128, np.float32)
    for step in (512, 128, 32, 8, 2, 1):
        noise = chance.normal(0, 18 * (step / 32) ** 0.4, (size[1] // step + 2, size[0] // step + 2, 3))
        layer = Image.fromarray((noise + 128).clip(0, 255).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
        total += np.asarray(layer, np.float32) - 128
    return Image.fromarray(total.clip(0, 255).astype(np.uint8))


if __name__ == "__main__":
    sys.exit(main())
