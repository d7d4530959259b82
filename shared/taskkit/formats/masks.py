"""Pairs of image and mask: two files of one name, in two folders or with an ending such as `_mask`."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from shared.errors import Invalid
from shared.schemas.base import Subset
from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.image_files import ImageFiles, folder_subset
from shared.taskkit.formats.inventory import inventory
from shared.taskkit.formats.label_files import Unreadable, fault, read_text, refusal
from shared.taskkit.formats.mask_files import class_names_of, mask_problem, read_mask_values
from shared.taskkit.formats.mask_names import standard_values
from shared.taskkit.formats.rows import IMAGE_SUFFIXES, Place, Reading, Row, subset_of

_MASK_SUFFIXES = frozenset({".png", ".bmp", ".tif", ".tiff"})
_MASK_WORDS = frozenset(
    {
        *("mask", "masks", "label", "labels", "annotation", "annotations", "gt", "gtfine", "gtcoarse", "truth"),
        *(
            "groundtruth",
            "seg",
            "segmentation",
            "segmentations",
            "segmentationclass",
            "segmentationclasspng",
            "labelids",
        ),
    }
)
_IMAGE_WORDS = frozenset({"image", "images", "img", "imgs", "jpegimages", "leftimg8bit", "rgb", "input", "inputs"})
_OTHER_FOLDERS = frozenset({"segmentationobject", "instances", "scribbles"})
_SEPARATOR = re.compile(r"[^A-Za-z0-9]+")
_CITYSCAPES = re.compile(r"(?P<key>.+)_(?P<group>gtFine|gtCoarse)_(?P<kind>[A-Za-z]+)")
_CITYSCAPES_KINDS = ("labelTrainIds", "labelIds")
_ENDING = re.compile(r"(?P<key>.+?)[_-](mask|masks|label|labels|gt|seg|segmentation|L|annotation)", re.IGNORECASE)
_BEGINNING = re.compile(r"(mask|label|gt|seg)[_-](?P<key>.+)", re.IGNORECASE)
_IMAGE_AFFIX = re.compile(r"(image|img)[_-](?P<a>.+)|(?P<b>.+?)_(leftImg8bit|image|img|rgb|sat)", re.IGNORECASE)
_MEND = "Put each mask into a folder masks beside images, of the same name, or beside its image with _mask at the end."

_Key = tuple[tuple[str, ...], str]


def recognises(_root: Path, files: list[Path]) -> bool:
    """Whether most files that are called like masks have an image, or there are masks as Cityscapes calls them."""
    pairs = _Pairs.of(files)
    if not pairs.masks:
        return any(_CITYSCAPES.fullmatch(file.stem) for file in pairs.other)
    return len(pairs.masks) >= len(pairs.alone)


def read(root: Path, files: list[Path], options: ReadOptions = ReadOptions()) -> Reading:
    """Return a row for each image that has a mask.

    A mask has the name of its image, perhaps with something before or after it (`X_mask.png`, `gt_X.png`,
    `X_gtFine_labelTrainIds.png`), and stands beside it or in the folder for masks where the image is in the one for
    images (`train/images/X.jpg` and `train/masks/X.png`, `train/X.png` and `trainannot/X.png`). What its values stand
    for is told by a table (see `read_mask_values`), or known of Pascal VOC and Cityscapes. Images without a mask, masks
    without an image and masks that cannot be read are listed. The subset is what a list of names (`train.txt`) or the
    image's folder says.

    Raises:
        Invalid: there are no pairs, or the tables of classes cannot be read or differ.
    """
    reading = Reading()
    pairs = _Pairs.of(files)
    if not pairs.masks:
        raise _nothing(pairs, files)
    tables = [file for file in files if file.suffix.lower() in (".csv", ".txt", ".json")]
    reading.mask_values = (
        dict(enumerate(options.class_names)) or read_mask_values(root, tables) or standard_values(pairs.masks.values())
    )
    reading.class_names = class_names_of(reading.mask_values)
    subsets = _listed_subsets(root, tables, reading)
    for image, mask in sorted(pairs.masks.items()):
        if (problem := mask_problem(root, mask)) is not None:
            reading.problems.append(problem)
        else:
            subset = subsets.get(image.stem) or folder_subset(image.parts[:-1])
            reading.rows.append(Row(image, subset, mask=mask))
    _tell_alone(pairs, reading)
    if reading.rows and not reading.mask_values:
        message = "No file says what the values in the masks stand for."
        mend = "Add _classes.csv with the columns Pixel Value and Class."
        place = Place(str(reading.rows[0].mask))
        reading.problems.append(fault("mask_values_unknown", place, message, mend, "warning"))
    return reading


@dataclass
class _Pairs:
    """`masks` by image; `alone` are masks without an image, `unmasked` images without a mask."""

    masks: dict[Path, Path] = field(default_factory=dict)
    alone: list[Path] = field(default_factory=list)
    unmasked: list[Path] = field(default_factory=list)
    other: list[Path] = field(default_factory=list)
    """Files that tell instances apart, or show masks as colours."""

    @classmethod
    def of(cls, files: Iterable[Path]) -> "_Pairs":
        pairs = cls()
        plain: list[Path] = []
        candidates: list[Path] = []
        for file in (file for file in files if file.suffix.lower() in IMAGE_SUFFIXES):
            if _is_other(file):
                pairs.other.append(file)
            else:
                (candidates if _may_be_mask(file) else plain).append(file)
        if not candidates:
            pairs.unmasked = plain
            return pairs
        images: dict[_Key, Path] = {}
        for file in plain:
            pairs._add_image(file, images)
        masks: dict[_Key, list[Path]] = defaultdict(list)
        for file in candidates:
            keys = [(_folder_key(file), _image_key(name)) for name in (file.stem, _mask_key(file.stem))]
            if (key := next((key for key in keys if key in images and images[key] != file), None)) is not None:
                masks[key].append(file)
            elif _in_mask_folder(file):
                pairs.alone.append(file)
            else:
                pairs._add_image(file, images)
        for key, image in images.items():
            if found := sorted(masks[key], key=_rank):
                pairs.masks[image] = found[0]
                pairs.other.extend(found[1:])
            else:
                pairs.unmasked.append(image)
        return pairs

    def _add_image(self, file: Path, images: dict[_Key, Path]) -> None:
        if images.setdefault((_folder_key(file), _image_key(file.stem)), file) is not file:
            self.unmasked.append(file)


def _words(name: str) -> list[str]:
    """Return the words of a folder's name; CamVid's `trainannot` has two."""
    words = [word for word in _SEPARATOR.split(name.casefold()) if word]
    return [part for word in words for part in ((word[:-5], "masks") if word.endswith("annot") else (word,)) if part]


def _may_be_mask(file: Path) -> bool:
    return file.suffix.lower() in _MASK_SUFFIXES and (_in_mask_folder(file) or _mask_key(file.stem) != file.stem)


def _in_mask_folder(file: Path) -> bool:
    return _is_mask_folder(file.parts[:-1])


@lru_cache(maxsize=4096)
def _is_mask_folder(folders: tuple[str, ...]) -> bool:
    for folder in reversed(folders):
        words = set(_words(folder))
        if words & _MASK_WORDS or words & _IMAGE_WORDS:
            return bool(words & _MASK_WORDS)
    return False


def _is_other(file: Path) -> bool:
    match = _CITYSCAPES.fullmatch(file.stem) if "_gt" in file.stem else None
    of_kind = match is not None and match["kind"] not in _CITYSCAPES_KINDS
    return of_kind or _is_other_folder(file.parts[:-1])


@lru_cache(maxsize=4096)
def _is_other_folder(folders: tuple[str, ...]) -> bool:
    return any(part.casefold() in _OTHER_FOLDERS for part in folders)


def _folder_key(file: Path) -> tuple[str, ...]:
    """Return the folders without the words that say image or mask, which are all that differs in a pair."""
    return _without_kind(file.parts[:-1])


@lru_cache(maxsize=4096)
def _without_kind(folders: tuple[str, ...]) -> tuple[str, ...]:
    kept = ("_".join(word for word in _words(part) if word not in _MASK_WORDS | _IMAGE_WORDS) for part in folders)
    return tuple(part for part in kept if part)


def _mask_key(stem: str) -> str:
    """Return the name of the image that a mask of this name belongs to."""
    match = _CITYSCAPES.fullmatch(stem) or _ENDING.fullmatch(stem) or _BEGINNING.fullmatch(stem)
    return match["key"] if match else stem


def _image_key(stem: str) -> str:
    match = _IMAGE_AFFIX.fullmatch(stem)
    return (match["a"] or match["b"]) if match else stem


def _rank(mask: Path) -> tuple[int, str]:
    """Return the order in which one of several masks is chosen."""
    match = _CITYSCAPES.fullmatch(mask.stem)
    kind = _CITYSCAPES_KINDS.index(match["kind"]) if match else 0
    return kind, str(mask)


def _nothing(pairs: _Pairs, files: list[Path]) -> Exception:
    if pairs.other:
        message = "Only masks of instances or of colours are there, none of classes."
        mend = "Add the masks that hold the numbers of classes, such as *_gtFine_labelIds.png."
        return refusal("no_masks", Place(str(pairs.other[0])), message, mend)
    return Invalid("no_masks", f"No image has a mask. {inventory(files)}", hint=_MEND)


def _listed_subsets(root: Path, files: Iterable[Path], reading: Reading) -> dict[str, Subset]:
    """Return the subset by the name of an image, where lists called like subsets name them."""
    found: dict[str, Subset] = {}
    for file in files:
        if file.suffix.lower() == ".txt" and (subset := subset_of(file.stem)):
            try:
                lines = read_text(root / file).split("\n")
            except Unreadable as error:
                reading.problems.append(error.problem(file))
                continue
            for words in (line.split() for line in lines):
                if words:
                    found.setdefault(Path(words[0]).stem, subset)
    return found


def _tell_alone(pairs: _Pairs, reading: Reading) -> None:
    if pairs.other:
        message = f"{len(pairs.other)} files such as this one show instances or colours beside the masks; not read."
        reading.problems.append(fault("mask_not_read", Place(str(pairs.other[0])), message, severity="warning"))
    for mask in pairs.alone:
        message = "There is no image for this mask; left out."
        reading.problems.append(fault("mask_without_image", Place(str(mask)), message, _MEND))
    reading.problems.extend(ImageFiles(pairs.unmasked).not_annotated())
