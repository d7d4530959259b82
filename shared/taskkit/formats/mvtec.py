"""MVTec layout: `train/good`, `test/good`, `test/<defect>`, and masks in `ground_truth/<defect>`."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.image_files import ImageFiles, folder_subset
from shared.taskkit.formats.inventory import no_label_file
from shared.taskkit.formats.label_files import fault, printable
from shared.taskkit.formats.mask_files import mask_problem
from shared.taskkit.formats.rows import IMAGE_SUFFIXES, Anomaly, Place, Reading, Row, subset_of

_MASKS = "ground_truth"
_NORMAL = frozenset({"good", "ok", "normal"})
_MASK_ENDINGS = ("_mask", "_gt", "")
_HINT = "Put normal images into train/good and test/good, others into test/<defect>, masks into ground_truth/<defect>."


def recognises(_root: Path, files: list[Path]) -> bool:
    """Whether there are masks of defects, or normal images in train and test beside a folder of others in test."""
    images = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
    if any(_MASKS in _folded(file)[:-2] for file in images):
        return any(_MASKS not in _folded(file) and len(file.parts) > 2 for file in images)
    kinds = defaultdict(set)
    for file in images:
        if len(file.parts) > 2 and (subset := subset_of(file.parts[-3])):
            kinds[subset].add(file.parts[-2].casefold())
    return bool(kinds["train"] & _NORMAL) and not kinds["train"] - _NORMAL and len(kinds["test"]) > 1


def read(root: Path, files: list[Path], _options: ReadOptions = ReadOptions()) -> Reading:
    """Return a row for each image in `<subset>/<kind>`: normal where the kind is good, ok or normal, else a defect.

    The mask is the file of the image's name, usually with _mask at the end, in ground_truth/<kind>. Where no folder is
    called good, the kinds without masks are normal, and that is told. An image whose mask cannot be read is left out; a
    defect without a mask is kept.

    Raises:
        Invalid: there are no images in folders of this kind.
    """
    reading = Reading()
    images = ImageFiles(files)
    masks = {file for file in images.all if _MASKS in _folded(file)[:-1]}
    shown = [file for file in images.all if file not in masks and len(file.parts) > 2]
    if not shown:
        raise no_label_file(files, "There are no images in folders of train or test.", _HINT)
    by_place = {_mask_key(file): file for file in sorted(masks)}
    masked = {(base, kind) for base, kind, _ in by_place}
    normal = _normal_kinds(shown, {kind for _, kind in masked}, reading)
    for image in shown:
        if image.parts[-2] in normal:
            reading.rows.append(Row(image, folder_subset(image.parts[:-2]), anomaly=Anomaly(False)))
        else:
            _read_defect(root, image, by_place, masked, reading)
    used = {row.anomaly.mask for row in reading.rows if row.anomaly}
    listed = {Path(item.file) for item in reading.problems if item.file}
    for mask in sorted(masks):
        if mask not in used and mask not in listed:
            message = "There is no image for this mask; left out."
            reading.problems.append(fault("mask_without_image", Place(str(mask)), message, severity="warning"))
    for image in images.all:
        if image not in masks and len(image.parts) < 3:
            message = "The image is in no folder of train or test; left out."
            reading.problems.append(fault("image_without_class", Place(str(image)), message, _HINT))
    return reading


def _folded(file: Path) -> list[str]:
    return [part.casefold() for part in file.parts]


_Key = tuple[Path, str, str]


def _mask_key(file: Path) -> _Key:
    """Return where a mask belongs: the folder that holds ground_truth, the kind, and the file's name."""
    at = len(file.parts) - 1 - _folded(file)[::-1].index(_MASKS)
    return Path(*file.parts[:at]), "/".join(file.parts[at + 1 : -1]), file.stem


def _normal_kinds(images: Iterable[Path], defects: set[str], reading: Reading) -> set[str]:
    """Return the kinds that are normal, by their folders' names; `defects` are those with masks."""
    kinds = dict.fromkeys(file.parts[-2] for file in images)
    if normal := {kind for kind in kinds if kind.casefold() in _NORMAL}:
        return normal
    normal = {kind for kind in kinds if kind not in defects} if defects else set()
    message = f"No folder is called good; {_told(normal)} counts as normal, since there are masks of all others."
    if not normal:
        message = "No folder is called good, so no image counts as normal."
    reading.problems.append(fault("no_normal_folder", Place(_MASKS), message, _HINT, "warning"))
    return normal


def _told(kinds: set[str]) -> str:
    return ", ".join(sorted(kinds))


def _read_defect(
    root: Path, image: Path, masks: dict[_Key, Path], masked: set[tuple[Path, str]], reading: Reading
) -> None:
    base, kind = Path(*image.parts[:-3]), image.parts[-2]
    keys = ((base, kind, image.stem + ending) for ending in _MASK_ENDINGS)
    mask = next((masks[key] for key in keys if key in masks), None)
    if mask is None and (base, kind) in masked:
        message = "There is no mask for this image; kept as a defect whose place is not known."
        mend = f"Put its mask into {_MASKS}/{kind}."
        reading.problems.append(fault("mask_missing", Place(str(image)), message, mend, "warning"))
    if mask is not None and (problem := mask_problem(root, mask)) is not None:
        reading.problems.append(problem)
        return
    subset = folder_subset(image.parts[:-2])
    reading.rows.append(Row(image, subset, anomaly=Anomaly(True, printable(kind), mask)))
