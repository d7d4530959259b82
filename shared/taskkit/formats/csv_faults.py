"""Faults of a table, which may have millions of rows."""

from shared.schemas.dataset import Problem
from shared.taskkit.formats.label_files import fault
from shared.taskkit.formats.rows import Place

_LISTED = 10_000


class Faults:
    """The faults of one table: of each kind the first ten thousand one by one, the others as their number."""

    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems
        self._counts: dict[str, int] = {}
        self._last: dict[str, Problem] = {}

    def add(self, problem: Problem) -> None:
        """List a fault, or count it where there are many of its kind."""
        self._counts[problem.code] = self._counts.get(problem.code, 0) + 1
        if self._counts[problem.code] <= _LISTED:
            self._problems.append(problem)
        else:
            self._last[problem.code] = problem

    def tell_rest(self) -> None:
        """List how many faults were only counted."""
        for code, last in self._last.items():
            more = self._counts[code] - _LISTED
            message = f"{more} more rows have this fault, the last of them here: {last.message}"
            self._problems.append(fault(code, Place(last.file or "", last.line), message, last.mend, last.severity))
