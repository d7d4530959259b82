"""The list of experiments beside the one that is shown."""

from dataclasses import dataclass

from services.gateway.actions.experiment_list import ExperimentQuery, Found
from services.gateway.pages.pager import Pager, pager
from services.gateway.pages.rendering import link
from shared.schemas.experiment import ExperimentStatus
from shared.taskkit.spec import Choice

PAGE_SIZE = 50
SORTS = (
    Choice("created_at", "Newest first"),
    Choice("metric", "Best first"),
    Choice("name", "By name"),
    Choice("status", "By status"),
    Choice("duration", "Shortest first"),
)


@dataclass(frozen=True)
class ListPart:
    """What the list is drawn from. `chosen` are ids that are ticked to be compared; `url` shows this very list."""

    found: Found
    query: ExperimentQuery
    chosen: frozenset[str]
    pager: Pager
    url: str
    sorts: tuple[Choice, ...] = SORTS
    statuses: tuple[str, ...] = tuple(item.value for item in ExperimentStatus)

    def link(self, path: str, experiment_id: str) -> str:
        """Return the address of an experiment beside the same list."""
        return link(path, experiment=experiment_id, **self.query.address())


def list_part(
    path: str, found: Found, query: ExperimentQuery, chosen: frozenset[str], page: int, selected: str
) -> ListPart:
    """Return the list as a page of found experiments.

    Args:
        path: of the training page.
        found: the experiments of the page.
        query: how they were found.
        chosen: ids that are ticked.
        page: its number, from 1.
        selected: id of the experiment that is shown.
    """
    given = {"experiment": selected, **query.address()}
    pages = pager(found.total, page, PAGE_SIZE, lambda number: link(path, **given, page=number if number > 1 else ""))
    return ListPart(found, query, chosen, pages, link(path, **given, page=page if page > 1 else ""))
