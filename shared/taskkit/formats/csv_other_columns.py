"""Columns of a table that nothing is learned from: they are kept to tell which images are alike."""

from collections.abc import Iterable, Mapping
from sys import intern

from shared.schemas.dataset import Problem
from shared.taskkit.formats.csv_columns import place_of
from shared.taskkit.formats.csv_table import Table
from shared.taskkit.formats.label_files import fault, printable

MOST = 50
"""Columns that are kept of a table."""
LONGEST = 200
"""Characters that are kept of a name and of a value."""
_TOLD = 20
_REMEMBERED = 10_000


class OtherColumns:
    """The unused columns of a table, as its images keep them; of those called the same, the first in the table."""

    def __init__(self, table: Table, unused: Iterable[int]) -> None:
        names = [name[:LONGEST] for name in table.header]
        first = {name: index for index, name in reversed(list(enumerate(names)))}
        kept = [index for index in unused if names[index] and first[names[index]] == index]
        self._columns = {intern(names[index]): index for index in kept[:MOST]}
        self._seen: dict[tuple[str, ...], Mapping[str, str]] = {}

    def of(self, cells: list[str]) -> Mapping[str, str]:
        """Return what a row says, by header, without empty cells; rows that say the same share it, and memory."""
        values = tuple(intern(printable(cells[index][:LONGEST])) for index in self._columns.values())
        if (known := self._seen.get(values)) is None:
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            known = {name: value for name, value in zip(self._columns, values, strict=True) if value}
            self._seen[values] = known
        return known


def not_learned(table: Table, columns: Iterable[int], why: str) -> list[Problem]:
    """Return warnings about the columns that hold something and are not used."""
    unused = [index for index in columns if table.column(index)]
    twice = sorted({table.header[index] for index in unused if table.header[index] in table.header[:index]})
    message = "Several columns are called {!r}; the first of them counts."
    mend = "Rename the others, or remove them."
    problems = [fault("column_twice", place_of(table), message.format(name), mend, "warning") for name in twice]
    names = [repr(table.header[index]) for index in unused if table.header[index] not in twice]
    if not names:
        return problems
    told = ", ".join(names[:_TOLD]) + (f" and {len(names) - _TOLD} more" if len(names) > _TOLD else "")
    which = "They are" if len(names) <= MOST else f"The first {MOST} are"
    kept = f"{which} kept for grouping images, {LONGEST} characters of each value at most; of several rows of an image,"
    message = f"Not learned, {why}: {told}. {kept} those of the first."
    return [*problems, fault("column_ignored", place_of(table), message, None, "warning")]
