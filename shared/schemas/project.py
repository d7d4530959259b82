"""A project: a name, a task, and everything below its folder."""

from datetime import datetime

from pydantic import Field

from shared.schemas.base import Document, EditableDocument, utc_now


class Project(EditableDocument):
    """`project.json`. The task never changes."""

    id: str
    name: str = Field(min_length=1, max_length=120)
    description: str = Field(default="", max_length=2000)
    task: str
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)


class WorkspaceInfo(Document):
    """`workspace.json`."""

    created_at: datetime = Field(default_factory=utc_now)
