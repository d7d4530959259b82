"""Pages of a long list, as links."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class PageLink:
    """A page's number with its address, or a gap between numbers."""

    number: int
    url: str
    current: bool
    gap: bool = False


@dataclass(frozen=True)
class Pager:
    """Where one is in a list. `first` and `last` count from 1."""

    first: int
    last: int
    total: int
    links: list[PageLink]
    previous: str
    next: str


def pager(total: int, page: int, size: int, url: Callable[[int], str]) -> Pager:
    """Return the links to the first, the last and the near pages.

    Args:
        total: how many items there are.
        page: the current page, from 1.
        size: items a page.
        url: the address of a page.
    """
    pages = max(1, -(-total // size))
    near = sorted({1, pages, *(number for number in range(page - 2, page + 3) if 1 <= number <= pages)})
    links: list[PageLink] = []
    for number in near:
        if links and number > links[-1].number + 1:
            links.append(PageLink(number - 1, "", current=False, gap=True))
        links.append(PageLink(number, url(number), current=number == page))
    return Pager(
        first=min(total, (page - 1) * size + 1),
        last=min(total, page * size),
        total=total,
        links=links if pages > 1 else [],
        previous=url(page - 1) if 1 < page <= pages else "",
        next=url(page + 1) if page < pages else "",
    )
