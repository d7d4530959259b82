"""What the files beside YOLO's labels say: names of the classes, and which images are in which subset."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from shared.schemas.base import Subset
from shared.taskkit.formats.label_files import Unreadable, head, printable, read_text, refusal
from shared.taskkit.formats.rows import Place, subset_of

_NAMES_FILES = frozenset({"classes.txt", "class_names.txt", "predefined_classes.txt", "_darknet.labels"})
_HAS_NAMES = re.compile(r"^\s*[\"']?names[\"']?\s*:", re.MULTILINE)
_IS_DATA = re.compile(r"^\s*(names|classes|train)\s*=", re.MULTILINE)
_MEND_NAMES = "Write names: as a list, one name a class: names: [cat, dog]."


@dataclass(frozen=True, slots=True)
class SubsetEntry:
    """A folder of images, or a text file that lists them, as a configuration names it."""

    subset: Subset
    path: str
    place: Place
    base: str = ""
    """Folder that the path begins in, where the configuration names one."""


@dataclass(slots=True)
class Config:
    """What one or several files say. `names` are the classes by number."""

    names: dict[int, str] = field(default_factory=dict)
    entries: list[SubsetEntry] = field(default_factory=list)
    has_keypoints: bool = False
    place: Place = field(default_factory=lambda: Place(""))

    def class_names(self) -> tuple[str, ...]:
        """Return the names in the order of their numbers, each once."""
        return tuple(dict.fromkeys(name for _, name in sorted(self.names.items())))


def is_names_file(file: Path) -> bool:
    """Whether a file lists class names, one a line."""
    return file.suffix.lower() == ".names" or file.name.casefold() in _NAMES_FILES


def yaml_files(root: Path, files: Iterable[Path]) -> list[Path]:
    """Return the YAML files that name classes."""
    found = (file for file in files if file.suffix.lower() in (".yaml", ".yml"))
    return [file for file in found if _HAS_NAMES.search(head(root / file))]


def read_config(root: Path, files: list[Path], class_names: Sequence[str] = ()) -> Config:
    """Return what the YAML files say, or else darknet's `*.data` and files of names; `class_names` count before them.

    Raises:
        Invalid: no file names the classes, several name others, or one cannot be parsed.
    """
    configs = _read_all(root, yaml_files(root, files), _read_yaml)
    lists = [config.entries for config in configs]
    lists.extend(config.entries for config in _read_all(root, _data_files(root, files), _read_data))
    configs = configs or _read_all(root, [file for file in files if is_names_file(file)], _read_names)
    if class_names:
        has_keypoints = any(config.has_keypoints for config in configs)
        configs = [Config(dict(enumerate(class_names)), has_keypoints=has_keypoints)]
    if not configs or not configs[0].names:
        message = "No file names the classes, which are numbers."
        asking = next((str(file) for file in files if file.suffix.lower() == ".txt"), None)
        place = Place(asking, 1) if asking else Place("")
        raise refusal("class_names_missing", place, message, "Add classes.txt with one name a line.")
    for other in configs[1:]:
        if other.names != configs[0].names:
            message = f"The classes are named otherwise in {configs[0].place.file}."
            raise refusal("class_names_differ", other.place, message, "Remove the file that is wrong.")
    configs[0].entries = [entry for entries in lists for entry in entries]
    return configs[0]


def _data_files(root: Path, files: list[Path]) -> list[Path]:
    found = (file for file in files if file.suffix.lower() == ".data")
    return [file for file in found if _IS_DATA.search(head(root / file))]


def _read_all(root: Path, files: list[Path], read: Callable[[str, Path], Config]) -> list[Config]:
    """Return what the files say, those at the top first."""
    configs = []
    for file in sorted(files, key=lambda file: (len(file.parts), file)):
        try:
            configs.append(read(read_text(root / file), file))
        except Unreadable as error:
            raise error.invalid(file) from error
    return configs


def _read_names(text: str, file: Path) -> Config:
    names = {number: printable(name) for number, name in enumerate(text.rstrip().split("\n")) if name.strip()}
    return Config(names, place=Place(str(file), 1))


def _read_data(text: str, file: Path) -> Config:
    """Read darknet's `key = value` lines; the names are in a file of their own."""
    config = Config()
    for number, line in enumerate(text.split("\n"), 1):
        key, _, value = line.partition("=")
        if (subset := subset_of(key.strip())) and value.strip():
            config.entries.append(SubsetEntry(subset, value.strip(), Place(str(file), number)))
    return config


def _read_yaml(text: str, file: Path) -> Config:
    try:
        document = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise Unreadable(f"Not valid YAML: {error.problem}", line, "Check brackets, quotes and indents.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise Unreadable("Not valid YAML: it has characters that YAML does not allow") from error
    except RecursionError as error:
        raise Unreadable("Not usable YAML: it is nested too deeply") from error
    if not isinstance(document, yaml.MappingNode):
        raise Unreadable("No keys stand at the top", 1, _MEND_NAMES)
    config = Config(place=Place(str(file), 1))
    base = next((text for key, value in document.value if key.value == "path" for text in _yaml_texts(value)), "")
    for key, value in document.value:
        if key.value == "names":
            config.names = _yaml_names(value)
            config.place = Place(str(file), _line(key))
        elif key.value == "kpt_shape":
            config.has_keypoints = True
        elif isinstance(key.value, str) and (subset := subset_of(key.value)):
            place = Place(str(file), _line(key))
            config.entries.extend(SubsetEntry(subset, path, place, base) for path in _yaml_texts(value))
    return config


def _yaml_names(node: yaml.Node) -> dict[int, str]:
    """Return the names of a list, or of a mapping from numbers."""
    if isinstance(node, yaml.SequenceNode):
        named = [(str(number), value) for number, value in enumerate(node.value)]
    elif isinstance(node, yaml.MappingNode):
        named = [(key.value, value) for key, value in node.value]
    else:
        raise Unreadable("The names are no list", _line(node), _MEND_NAMES)
    names = {}
    for key, value in named:
        if not isinstance(value, yaml.ScalarNode) or not isinstance(key, str) or not printable(value.value):
            raise Unreadable("A class has no name", _line(value), _MEND_NAMES)
        if not (key.isascii() and key.isdigit() and len(key) < 10):
            raise Unreadable(f"The class {printable(value.value)!r} has no number", _line(value), _MEND_NAMES)
        names[int(key)] = printable(value.value)
    return names


def _yaml_texts(node: yaml.Node) -> list[str]:
    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    return [item.value for item in nodes if isinstance(item, yaml.ScalarNode) and item.value not in ("", "null", "~")]


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
