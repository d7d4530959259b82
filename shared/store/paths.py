"""Where everything is. Ids make paths, names never do."""

import re
from pathlib import Path

from shared.errors import NotFound
from shared.schemas.base import Entity

_ENTITY_ID = re.compile(r"(project|split|experiment|export|job)-[0-9a-f]{8}")
_IMAGE_ID = re.compile(r"[0-9a-f]{16}")


def missing(entity: str, value: str) -> NotFound:
    """Return the error for an id that leads nowhere."""
    shown = value if len(value) <= 40 else f"{value[:40]}…"
    return NotFound(f"{entity}_not_found", f"There is no {entity} {shown!r}.")


def checked_id(entity: Entity, value: str) -> str:
    """Return `value` if it has the shape of an id of `entity`, else raise `NotFound`."""
    match = _ENTITY_ID.fullmatch(value)
    if match is None or match[1] != entity:
        raise missing(entity, value)
    return value


def checked_image_id(value: str) -> str:
    """Return `value` if it has the shape of an image id, else raise `NotFound`."""
    if _IMAGE_ID.fullmatch(value) is None:
        raise missing("image", value)
    return value


def safe_path(root: Path, *parts: str) -> Path:
    """Join `parts` below `root`.

    Raises:
        NotFound: the result would leave `root`, or a part is not a plain name.
    """
    for part in parts:
        if part in ("", ".", "..") or "/" in part or "\\" in part or "\0" in part:
            raise missing("file", part)
    return root.joinpath(*parts)
