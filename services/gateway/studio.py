"""What every handler works with: the workspace, the settings, the hub of live events."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from services.gateway.live import Hub
from shared.settings import Settings
from shared.store.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Studio:
    """One a process."""

    workspace: Workspace
    settings: Settings
    hub: Hub


async def _studio(request: Request) -> Studio:
    found = request.app.state.studio
    assert isinstance(found, Studio)
    return found


StudioDep = Annotated[Studio, Depends(_studio)]
