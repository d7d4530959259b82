"""Class folders: `<subset>/<class>/<image>`, and `classes.txt` with the classes in their order."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from shared.errors import Invalid
from shared.schemas.annotations import LabelAnnotation
from shared.schemas.base import Subset
from shared.schemas.dataset import ImageRecord, Legend
from shared.taskkit.formats.class_folders import CLASSES_FILE, NO_SUBSET
from shared.taskkit.formats.writing import OTHER_COLUMNS, Item, Items, Writer

_LONGEST = 200


def make(legend: Legend) -> Writer:
    """Return a writer for images of these classes.

    Raises:
        Invalid: a class has a name that no folder can have.
    """
    for item in legend.classes:
        name = item.name
        if not name.strip() or name.startswith((".", "__MACOSX", "@eaDir")) or set(name) & set("/\\\0\n\r"):
            raise _no_folder(name)
        if name != name.strip() or len(name.encode()) > _LONGEST:
            raise _no_folder(name)
    return _ClassFolders(legend)


def _no_folder(name: str) -> Invalid:
    message = f"The class {name[:60]!r} has a name that no folder can have."
    return Invalid("class_is_no_folder", message, hint="Rename the class, or choose another format.")


class _ClassFolders:
    def __init__(self, legend: Legend) -> None:
        self.lost: Counter[str] = Counter()
        self._names = {item.id: item.name for item in legend.classes}

    def folder(self, record: ImageRecord, subset: Subset | None) -> PurePosixPath:
        self.lost[OTHER_COLUMNS] += "columns" in (record.meta or {})
        names = [self._names[item.class_id] for item in record.annotations if isinstance(item, LabelAnnotation)]
        self.lost["images without a class, which stand outside of the class folders"] += not names
        self.lost["second classes of images"] += max(0, len(names) - 1)
        return PurePosixPath(subset or NO_SUBSET, names[0]) if names else PurePosixPath()

    def label_file(self, _item: Item) -> None:
        return None

    def documents(self, _items: Items) -> Iterator[tuple[str, Iterable[str]]]:
        yield CLASSES_FILE, (f"{name}\n" for name in self._names.values())
