"""What a training ran with, beside its configuration."""

from datetime import datetime

from pydantic import Field

from shared.schemas.base import Model, utc_now


class Provenance(Model):
    """Kept by every start of a training; of several the last one's, since that made the newest checkpoint."""

    studio: str
    """Version of the studio."""
    commit: str | None = None
    """Revision of its source, where that is known."""
    libraries: dict[str, str]
    """Versions by name, Python's among them."""
    device: str
    precision: str = "32"
    seed: int
    job_id: str
    at: datetime = Field(default_factory=utc_now)
