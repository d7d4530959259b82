"""What a folder holds, in words: for refusals of a whole layout, in which no single file is at fault."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from shared.errors import Invalid
from shared.taskkit.formats.label_files import printable

_ENDINGS = 4
_FOLDERS = 5


def inventory(files: Sequence[Path]) -> str:
    """Return a sentence: how many files of which ending, in which top folders, and one file of each ending."""
    if not files:
        return "There are no files in there."
    endings = Counter(_ending(file) for file in files)
    common = [ending for ending, _ in endings.most_common(_ENDINGS)]
    counts = _some([f"{count:,} {ending}" for ending, count in endings.most_common()], _ENDINGS)
    tops = _some(list(dict.fromkeys(f"{file.parts[0]}/" for file in files if len(file.parts) > 1)), _FOLDERS)
    where = f" in {tops}" if tops else ", none in a folder"
    return printable(f"Found {counts}{where}; for example {', '.join(_example(files, ending) for ending in common)}.")


def no_label_file(files: Sequence[Path], message: str, mend: str) -> Invalid:
    """Return the refusal of files among which there is none that a format needs."""
    return Invalid("no_label_file", f"{message} {inventory(files)}", hint=mend)


def _example(files: Sequence[Path], ending: str) -> str:
    """Return the first file in the deepest folder: what stands outside is seldom what a dataset is made of."""
    return str(max((file for file in files if _ending(file) == ending), key=lambda file: len(file.parts)))


def _ending(file: Path) -> str:
    return file.suffix.lower() or "without ending"


def _some(items: Sequence[str], most: int) -> str:
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
