"""The environment, read once into one typed object. Every variable starts with AI_STUDIO_."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """What an operator may set. Sizes are bytes and times are seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="AI_STUDIO_", extra="ignore", frozen=True)

    workspace: Path = Path("workspace")
    redis_url: str = "redis://127.0.0.1:6379/0"
    import_roots: Annotated[tuple[Path, ...], NoDecode] = (Path("/"),)
    """Folders a dataset may be imported from by path, separated by colons."""
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Names with a dot under which browsers reach the studio, separated by colons; addresses and plain names always
    work. Anything else could be a foreign page whose name was pointed at this machine."""
    mode: Literal["production", "development"] = "production"
    flower_url: str | None = None
    """Where a browser reaches Flower; shown as a link on the Jobs page."""
    weights: Path | None = None
    """Folder that pretrained weight files are downloaded into and read from; torch's own cache where there is none."""
    weights_mirror: Path | None = None
    """Folder with copies of such files, read before any download; for machines without the internet."""
    offline: bool = False
    """Never try to download weights."""
    max_upload: int = Field(default=50 * 1024**3, gt=0)
    max_image_pixels: int = Field(default=200_000_000, gt=0)
    lease: float = Field(default=30.0, gt=0)
    """How long a running job may stay silent before it counts as lost."""
    lease_renewal: float = Field(default=10.0, gt=0)
    grace: float = Field(default=20.0, gt=0)
    """How long a run may take to end in order before it is killed."""
    stall: float = Field(default=1800.0, gt=0)
    """How long a run may say nothing before it counts as hung and is killed."""
    reconcile_interval: float = Field(default=3.0, gt=0)
    event_connection: float = Field(default=600.0, gt=0)
    """How long one SSE connection lives before the browser is asked to resume."""

    @field_validator("import_roots", mode="before")
    @classmethod
    def _split_roots(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(Path(part) for part in value.split(":") if part)
        return value

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        return tuple(part.lower() for part in value.split(":") if part) if isinstance(value, str) else value

    @field_validator("workspace")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the settings of this process."""
    return Settings()
