"""The version of the studio, in one place. Exports and experiments carry it."""

import os
import subprocess
from functools import lru_cache
from pathlib import Path

VERSION = "0.1.0"
_ROOT = Path(__file__).parents[1]


@lru_cache(maxsize=1)
def commit() -> str | None:
    """Return the revision of the source: what the build named, else what git says of the checkout, else None."""
    if named := os.environ.get("AI_STUDIO_COMMIT"):
        return named
    if not (_ROOT / ".git").exists():
        return None
    command = ["git", "-C", str(_ROOT), "rev-parse", "--short=12", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip() or None
    except (OSError, subprocess.SubprocessError):
        return None
