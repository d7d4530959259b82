"""Finding the images that label files speak of, and the subsets that files and folders are named after."""

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from shared.schemas.base import Subset
from shared.schemas.dataset import Problem
from shared.taskkit.formats.label_files import fault, shown
from shared.taskkit.formats.rows import IMAGE_SUFFIXES, Place, subset_of

_IMAGE_FOLDERS = ("images", "JPEGImages")
_BESIDE_SUBSET = frozenset({"images", "image", "imgs", "img", "labels", "annotations", "data", "set", ""})


class ImageFiles:
    """The images of an import. Each may be taken once; those that nobody took are left out and listed."""

    def __init__(self, files: Iterable[Path]) -> None:
        self.all = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
        self._by_path = {file.as_posix(): file for file in self.all}
        self._by_name: dict[str, list[Path]] = defaultdict(list)
        self._taken: dict[Path, Place] = {}
        self._mentioned: set[Path] = set()
        self._unread: dict[Path, Path] = {}
        for file in self.all:
            for name in {file.name, file.stem}:
                for key in _keys((*file.parts[:-1], name)):
                    self._by_name[key].append(file)

    def find(self, name: str, label_file: Path, subset: Subset | None = None) -> Path | None:
        """Return the image that `label_file` calls `name`, with or without folders and ending.

        Looked for beside the label file, in the folders above it and their folders for images, then anywhere by its
        name alone: the image in the nearest folder, as long as no folder says another subset.
        """
        parts = _parts(name)
        if not parts:
            return None
        for folder in _folders(label_file.parent):
            if (file := self._by_path.get(posixpath.normpath("/".join((folder, *parts))))) is not None:
                return file
        nearest = self._nearest(parts, label_file, subset)
        return nearest[0] if len(nearest) == 1 else None

    def _nearest(self, parts: Sequence[str], label_file: Path, subset: Subset | None) -> list[Path]:
        """Return the nearest image, or several that are equally near."""
        wanted = folder_subset(parts[:-1]) or subset
        for key in _keys(parts):
            found = self._by_name.get(key, [])
            if wanted is not None:
                found = [file for file in found if folder_subset(file.parts[:-1]) in (None, wanted)]
            if found:
                break
        if len(found) < 2:
            return found

        def nearness(file: Path) -> tuple[int, int, bool, bool]:
            tail = _shared(reversed(file.parts), reversed(parts))
            in_image_folder = any(part.casefold() in ("images", "jpegimages") for part in file.parts[:-1])
            return tail, _shared(file.parts, label_file.parts), file.name == parts[-1], in_image_folder

        ranked = [(nearness(file), file) for file in found]
        best = max(rank for rank, _ in ranked)
        return [file for rank, file in ranked if rank == best]

    def missing(self, name: object, place: Place) -> Problem:
        """Return the problem that no image is found for a name."""
        parts = _parts(name) if isinstance(name, str) else []
        if parts and len(self._by_name.get(parts[-1].casefold(), [])) > 1:
            message = f"It is not clear which of the images called {shown(name)} is meant; left out."
            return fault("image_unclear", place, message, "Write the image's path instead of its name only.")
        message = f"There is no image {shown(name)}; left out."
        return fault("image_missing", place, message, "Add the image, or mend its name here.")

    def mention(self, image: Path) -> None:
        """Note that a label file speaks of the image, though it cannot be used."""
        self._mentioned.add(image)

    def leave_unread(self, name: str, label_file: Path, subset: Subset | None = None) -> None:
        """Note that the label file of the image called `name` cannot be read, so that the image is listed."""
        if (image := self.find(name, label_file, subset)) is not None:
            self._unread.setdefault(image, label_file)

    def take(self, image: Path, place: Place) -> Problem | None:
        """Note that a label file speaks of the image; return a problem where one did before."""
        earlier = self._taken.setdefault(image, place)
        if earlier is place:
            return None
        where = earlier.file if earlier.line is None else f"{earlier.file}, line {earlier.line},"
        message = f"The image {image} is also in {where} and counts as it is there; left out here."
        return fault("image_named_twice", place, message, "Leave one of the two.")

    def claim(self, name: str, place: Place, problems: list[Problem], subset: Subset | None = None) -> Path | None:
        """Return the image that a label file calls `name` and take it; what keeps it from that goes to the problems."""
        if (image := self.find(name, Path(place.file), subset)) is None:
            problems.append(self.missing(name, place))
        elif (problem := self.take(image, place)) is not None:
            problems.append(problem)
            image = None
        return image

    def not_annotated(self) -> Iterator[Problem]:
        """Return a problem for each image that no label file speaks of, or only one that cannot be read."""
        for image in self.all:
            if image in self._taken:
                continue
            if (label_file := self._unread.get(image)) is not None:
                message = f"Its label file {label_file} cannot be read; the image is left out."
                mend = "Mend that file and import again."
                yield fault("image_labels_unreadable", Place(str(image)), message, mend)
            elif image not in self._mentioned:
                message = "No label file speaks of this image; left out."
                mend = "Add labels for it if it is meant to be in the dataset."
                yield fault("image_not_annotated", Place(str(image)), message, mend, "warning")


def folder_subset(folders: Sequence[str]) -> Subset | None:
    """Return the subset that the innermost folder called like one stands for: `val`, `train2017`, `images_test`."""
    for folder in reversed(folders):
        words = _words(folder)
        found = [subset for word in words if (subset := subset_of(word))]
        if found and all(word in _BESIDE_SUBSET or subset_of(word) for word in words):
            return found[0]
    return None


def label_file_subset(file: Path) -> Subset | None:
    """Return the subset that a label file is named after (`instances_val2017.json`), or else its folders."""
    named = [subset for word in _words(file.stem) if (subset := subset_of(word))]
    return named[0] if named else folder_subset(file.parts[:-1])


@lru_cache(maxsize=4096)
def _words(name: str) -> tuple[str, ...]:
    return tuple(re.split(r"[^a-z]+", name.casefold()))


@lru_cache(maxsize=4096)
def _folders(folder: Path) -> tuple[str, ...]:
    """Return the places in which a label file's images are looked for first."""
    above = (folder, *folder.parents)
    return tuple((base / name).as_posix() for base in above for name in ("", *_IMAGE_FOLDERS))


def _parts(name: str) -> list[str]:
    """Return the parts of a path as any system writes it."""
    return [part for part in name.strip().replace("\\", "/").split("/") if part not in ("", ".") and part[-1] != ":"]


def _keys(parts: Sequence[str]) -> list[str]:
    """Return what an image is looked up by: its name with its folder's, then its name alone."""
    names = [part.casefold() for part in parts[-2:]]
    return ["/".join(names), names[-1]] if len(names) == 2 else names


def _shared(one: Iterable[str], other: Iterable[str]) -> int:
    """Return how many parts are equal from the start."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
