"""Reading and writing pydantic documents."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import orjson
from pydantic import ValidationError

from shared.errors import Stale, StudioError
from shared.schemas.base import Document, EditableDocument
from shared.store.files import locked, write_bytes

D = TypeVar("D", bound=Document)
E = TypeVar("E", bound=EditableDocument)


_log = logging.getLogger(__name__)


class DamagedDocument(StudioError):
    """A file of the workspace that cannot be read as what it should be."""


def read(model: type[D], path: Path) -> D:
    """Return the document at `path`.

    Raises:
        FileNotFoundError: there is none.
        DamagedDocument: it is not valid, or a newer studio wrote it.
    """
    content = path.read_bytes()
    try:
        data = orjson.loads(content)
        version = data.get("schema_version", 1)
        if version > model.CURRENT_VERSION:
            raise DamagedDocument(
                "document_is_newer",
                f"{path} was written by a newer version of the studio (format {version}).",
                hint="Start the newer version, or restore the workspace from a backup.",
            )
        return model.model_validate_json(content)
    except (ValidationError, orjson.JSONDecodeError, AttributeError, TypeError) as error:
        raise DamagedDocument(
            "document_is_damaged", f"{path} cannot be read: {error}", hint="Restore the file from a backup."
        ) from error


def read_all(model: type[D], paths: Iterable[Path], *, reader: Callable[[Path], D] | None = None) -> list[D]:
    """Return the documents that can be read: one damaged file must not hide the others.

    Files that vanish meanwhile are left out; damaged and newer ones too, with one warning.

    Args:
        model: the documents' type.
        paths: where they are.
        reader: reads one of them in place of `read`, for callers that remember what they have read.
    """
    found: list[D] = []
    damaged: list[DamagedDocument] = []
    for path in paths:
        try:
            found.append(reader(path) if reader else read(model, path))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except DamagedDocument as error:
            damaged.append(error)
    if damaged:
        _log.warning("%d documents are left out; the first: %s", len(damaged), damaged[0].message)
    return found


def encoded(document: Document) -> bytes:
    """Return what a document's file holds."""
    return orjson.dumps(document.model_dump(mode="json"), option=orjson.OPT_INDENT_2)


def write(document: Document, path: Path) -> None:
    """Write `document` to `path` atomically."""
    write_bytes(path, encoded(document))


def update(model: type[E], path: Path, change: Callable[[E], E], *, revision: int | None = None) -> E:
    """Read, change and write under the document's lock; return what was written.

    Args:
        model: the document's type.
        path: where it is.
        change: gives the changed document; its `revision` is set here.
        revision: the revision the caller saw; another one raises `Stale`.
    """
    with locked(path):
        current = read(model, path)
        if revision is not None and revision != current.revision:
            raise Stale(
                "document_changed",
                f"Somebody else changed this first: it is at revision {current.revision}, not {revision}.",
                hint="Read it again and repeat the change.",
            )
        changed = model.model_validate(change(current).model_dump())
        changed = changed.model_copy(update={"revision": current.revision + 1})
        write(changed, path)
        return changed
