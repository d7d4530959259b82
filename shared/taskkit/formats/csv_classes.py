"""Names of classes for tables that give numbers or codes: from the options, or from files beside the table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from shared.schemas.dataset import Problem
from shared.schemas.read_options import ReadOptions
from shared.taskkit.formats.csv_faults import Faults
from shared.taskkit.formats.csv_table import Table, open_table
from shared.taskkit.formats.label_files import Unreadable, fault, printable, read_text, shown
from shared.taskkit.formats.rows import Place

_LIST_BEGINNINGS = ("synset", "class", "label", "categor", "names")
_HEADER_WORDS = frozenset(
    {"labelname", "displayname", "classname", "classid", "labelid", "id", "name", "label", "class"}
)
_MAX_CLASSES = 100_000


@dataclass(frozen=True, slots=True)
class ClassNames:
    """What labels of tables stand for."""

    names: dict[str, str] = field(default_factory=dict)
    """From a label of the table to the name of its class; labels that are not here are names, unless `numbered`."""
    declared: tuple[str, ...] = ()
    """Classes in order, also those without an image."""
    numbered: bool = False
    """Whether labels are numbers of the declared classes."""
    files: tuple[Path, ...] = ()
    """Those that were read for it."""

    def name(self, label: str, place: Place, faults: Faults) -> str | None:
        """Return the name of a label's class; list a number that no class has."""
        if (name := self.names.get(label)) is not None or not self.numbered:
            return name or label
        said = self.files[0] if self.files else "the list of classes"
        message = f"{shown(label)} is not among the numbers of {said} (0 to {len(self.declared) - 1}); left out."
        faults.add(fault("unknown_class", place, message, "Add the class to the list, or mend the number."))
        return None

    def ordered(self, labels: Iterable[str]) -> tuple[str, ...]:
        """Return the declared classes, or else classes that are numbers by their value; nothing for others."""
        used = set(labels)
        if self.declared or not used or not _are_numbers(used):
            return self.declared
        return tuple(sorted(used, key=lambda label: (int(label), label)))


def is_class_list(file: Path) -> bool:
    """Whether a text file is named like a list of classes."""
    return file.suffix.lower() == ".txt" and file.stem.casefold().startswith(_LIST_BEGINNINGS)


def find_class_names(
    root: Path, others: Sequence[Path], options: ReadOptions, labels: Iterable[str], problems: list[Problem]
) -> ClassNames:
    """Return what labels stand for, by the options, by a list of classes, or by a table of codes and names.

    Args:
        root: of the import.
        others: files that may be such a list or table.
        options: whose `class_names` win.
        labels: some of the tables' labels, from which it is told whether they are numbers.
        problems: takes what is wrong with the files.
    """
    known = set(labels)
    numbered = bool(known) and _are_numbers(known)
    if options.class_names:
        return _listed(options.class_names, numbered)
    for file in others if numbered else ():
        if is_class_list(file) and (names := _lines(root, file, problems)):
            return _listed(names, numbered, file)
    for file in others:
        if file.suffix.lower() in (".csv", ".tsv") and (table := _code_table(root, file)) is not None:
            codes = _codes(table, problems)
            if known & codes.keys():
                declared = tuple(dict.fromkeys(codes.values())) if numbered else ()
                return ClassNames(codes, declared, False, (file,))
    return ClassNames()


def _are_numbers(labels: Iterable[str]) -> bool:
    return all(label.isascii() and label.isdigit() and len(label) < 10 for label in labels)


def _listed(names: Sequence[str], numbered: bool, *files: Path) -> ClassNames:
    by_number = {str(number): name for number, name in enumerate(names)} if numbered else {}
    return ClassNames(by_number, tuple(dict.fromkeys(names)), numbered, files)


def _lines(root: Path, file: Path, problems: list[Problem]) -> list[str]:
    try:
        lines = [printable(line) for line in read_text(root / file).split("\n")]
    except Unreadable as error:
        problems.append(error.problem(file))
        return []
    while lines and not lines[-1]:
        lines.pop()
    return lines[:_MAX_CLASSES] if all(lines) else []


def _code_table(root: Path, file: Path) -> Table | None:
    """Return a table of two columns, codes and names."""
    try:
        table = open_table(root, file, "auto", _names_codes)
    except Unreadable:
        return None
    return table if len(table.header) == 2 else None


def _names_codes(cells: list[str]) -> bool:
    return all(cell.casefold().replace("_", "") in _HEADER_WORDS for cell in cells)


def _codes(table: Table, problems: list[Problem]) -> dict[str, str]:
    rows = islice(table.rows(Faults(problems)), _MAX_CLASSES)
    return {cells[0]: printable(cells[1]) for _, cells in rows if cells[0] and cells[1]}
