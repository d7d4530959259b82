"""What the routers share: page parameters, headers, answers that are not encoded twice."""

from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from fastapi import Header, Query, Response

from shared.errors import Invalid
from shared.schemas.job import Job

PageNumber = Annotated[int, Query(ge=1, le=10_000_000, description="From 1.")]
PageSize = Annotated[int, Query(ge=1, le=200)]
IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", max_length=200, description="A repeated call with the same key starts nothing."),
]
IfMatch = Annotated[str | None, Header(alias="If-Match", description="The revision you saw; 412 when it is stale.")]


class Json(Response):
    """A JSON answer from plain data."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encode `content`."""
        return orjson.dumps(content)


def listing(items: Sequence[Any], page: int, page_size: int) -> Json:
    """Return one page of `items`, cut here."""
    start = (page - 1) * page_size
    return listed(items[start : start + page_size], len(items), page, page_size)


def listed(items: Sequence[Any], total: int, page: int, page_size: int) -> Json:
    """Return one page that was cut already."""
    return Json({"items": items, "total": total, "page": page, "page_size": page_size})


def encoded_listing(items: Sequence[bytes], total: int, page: int, page_size: int) -> Response:
    """Return one page of items that are JSON already."""
    head = b'{"items":[' + b",".join(items)
    return Response(
        head + b'],"total":%d,"page":%d,"page_size":%d}' % (total, page, page_size), media_type="application/json"
    )


def started(job: Job) -> Json:
    """Return 202 with the job and where to follow it."""
    return Json(job.model_dump(mode="json"), 202, {"Location": f"/api/jobs/{job.id}"})


def revision_of(if_match: str | None) -> int | None:
    """Return the revision an If-Match header names.

    Raises:
        Invalid: it is not a number.
    """
    if if_match is None or if_match == "*":
        return None
    value = if_match.removeprefix("W/").strip('"')
    if not value.isdigit():
        raise Invalid("invalid_if_match", "If-Match takes the revision of the document, such as 3.")
    return int(value)
