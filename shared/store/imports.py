"""What each import of a dataset met, kept with the dataset for as long as it lives."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from shared.errors import NotFound
from shared.schemas.dataset import ImportReport, Problem
from shared.store.files import remove_tree, replacing, write_bytes
from shared.store.paths import checked_id


class ImportStore:
    """`imports/<job_id>/{report.json, problems.jsonl}` of a dataset."""

    def __init__(self, dataset: Path) -> None:
        self._root = dataset / "imports"

    def save(self, report: ImportReport, problems: Iterable[Problem]) -> None:
        """Store a report with all problems, which the report itself holds only the first of."""
        folder = self._folder(report.job_id)
        write_problems(folder / "problems.jsonl", problems)
        short = report.model_copy(update={"problems": []})
        write_bytes(folder / "report.json", short.model_dump_json().encode())

    def remove(self, job_id: str) -> None:
        """Remove the report of an import that came to nothing."""
        remove_tree(self._folder(job_id))

    def list(self) -> list[ImportReport]:
        """Return the reports without their problems, newest first."""
        paths = self._root.glob("job-*/report.json")
        found = [ImportReport.model_validate_json(path.read_bytes()) for path in paths]
        return sorted(found, key=lambda item: item.finished_at, reverse=True)

    def problems(self, job_id: str) -> Iterator[Problem]:
        """Return all problems of an import.

        Raises:
            NotFound: there was no such import into this dataset.
        """
        return read_problems(self._folder(job_id) / "problems.jsonl")

    def _folder(self, job_id: str) -> Path:
        return self._root / checked_id("job", job_id)


def write_problems(path: Path, problems: Iterable[Problem]) -> None:
    """Write problems as JSON lines, one by one."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for item in problems:
            file.write(item.model_dump_json(exclude_none=True) + "\n")


def read_problems(path: Path) -> Iterator[Problem]:
    """Return the problems of a file, read one by one.

    Raises:
        NotFound: there is no such file.
    """
    try:
        file = path.open(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound("import_not_found", "There is no such import, or it left no list of problems.") from None

    def lines() -> Iterator[Problem]:
        with file:
            for line in file:
                yield Problem.model_validate_json(line)

    return lines()
