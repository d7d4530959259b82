"""What all documents share: a version, no unknown keys, UTC times, telling ids."""

import secrets
from datetime import UTC, datetime
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

Entity = Literal["project", "split", "experiment", "export", "job"]
Subset = Literal["train", "val", "test"]
SUBSETS: tuple[Subset, ...] = ("train", "val", "test")


class Model(BaseModel):
    """A part of a document. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


class Document(Model):
    """A file of the workspace."""

    CURRENT_VERSION: ClassVar[int] = 1
    schema_version: int = 1


class EditableDocument(Document):
    """A document that is rewritten; `revision` counts the writes."""

    revision: int = 1


def utc_now() -> datetime:
    """Return the current time in UTC, to the millisecond."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def new_id(entity: Entity) -> str:
    """Return a fresh id such as `project-1f3a9c02`."""
    return f"{entity}-{secrets.token_hex(4)}"
