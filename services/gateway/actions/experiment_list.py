"""A project's experiments: searched, filtered, sorted. Only what is shown is looked up in full."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from services.gateway.actions import configuration, experiments
from services.gateway.actions.experiments import ExperimentView
from services.gateway.studio import Studio
from shared.schemas.experiment import Experiment, ExperimentStatus, experiment_status
from shared.schemas.job import Job
from shared.taskkit.spec import TaskSpec

SortBy = Literal["created_at", "name", "metric", "status", "duration"]
SortOrder = Literal["asc", "desc"]
_Row = tuple[Experiment, Job | None, ExperimentStatus]


@dataclass(frozen=True, slots=True)
class ExperimentQuery:
    """Which experiments, in which order. Empty and None mean any.

    `search` looks in name, tags, description, notes and architecture. Without `sort_order` the newest and the best
    come first, names from A to Z.
    """

    search: str = ""
    status: ExperimentStatus | None = None
    tag: str = ""
    sort_by: SortBy = "created_at"
    sort_order: SortOrder | None = None

    def address(self) -> dict[str, str]:
        """Return what differs from the default, for an address."""
        given = {
            "search": self.search,
            "status": self.status.value if self.status else "",
            "tag": self.tag,
            "sort_by": "" if self.sort_by == "created_at" else self.sort_by,
            "sort_order": self.sort_order or "",
        }
        return {key: value for key, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class Found:
    """One page of what matches: `total` match of the `count` the project has; `tags` are all there are."""

    items: list[ExperimentView]
    total: int
    count: int
    tags: list[str]


def find(studio: Studio, project_id: str, query: ExperimentQuery, page: int, page_size: int) -> Found:
    """Return one page of the experiments that match.

    Raises:
        NotFound: there is no such project.
    """
    spec = configuration.task_of(studio, project_id)
    known = {job.id: job for job in studio.workspace.jobs.list()}
    stored = studio.workspace.experiments(project_id).list()
    rows = [(item, job, experiment_status(job)) for item in stored for job in [known.get(item.job_id or "")]]
    matching = _sorted(spec, query, [row for row in rows if _matches(spec, query, row)])
    shown = matching[(page - 1) * page_size : page * page_size]
    return Found(
        items=[experiments.with_job(studio, item, job) for item, job, _ in shown],
        total=len(matching),
        count=len(stored),
        tags=sorted({tag for item in stored for tag in item.tags}, key=str.casefold),
    )


def _matches(spec: TaskSpec, query: ExperimentQuery, row: _Row) -> bool:
    item, _, status = row
    if query.status and status is not query.status:
        return False
    if query.tag and query.tag.casefold() not in (tag.casefold() for tag in item.tags):
        return False
    architecture = spec.architecture(item.configuration.architecture)
    texts = [item.name, item.description, item.notes, *item.tags, item.configuration.architecture]
    haystack = "\n".join([*texts, architecture.label if architecture else ""]).casefold()
    return all(word in haystack for word in query.search.casefold().split())


def _sorted(spec: TaskSpec, query: ExperimentQuery, rows: list[_Row]) -> list[_Row]:
    """Return the rows, newest first, in the wanted order; those without a value come last in either direction."""
    key = _KEYS[query.sort_by]
    usual = {"metric": spec.primary_metric.higher_is_better, "created_at": True}.get(query.sort_by, False)
    descending = usual if query.sort_order is None else query.sort_order == "desc"
    valued = [row for row in rows if key(row) is not None]
    return sorted(valued, key=key, reverse=descending) + [row for row in rows if key(row) is None]


_ORDER = list(ExperimentStatus)
_KEYS: dict[SortBy, Callable[[_Row], Any]] = {
    "created_at": lambda row: (row[0].created_at, row[0].id),
    "name": lambda row: row[0].name.casefold(),
    "metric": lambda row: row[0].summary.best_metric,
    "status": lambda row: _ORDER.index(row[2]),
    "duration": lambda row: row[0].summary.seconds,
}
