"""Reading lock files: `python -m scripts.studio.locks pins|rest FILE` prints what another build of torch needs."""

import re
import sys
from pathlib import Path

CHOSEN = ("torch", "torchvision")
"""What another index provides, together with what these need of it."""
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def blocks(lock: str) -> list[str]:
    """Return the requirements of a lock file, each with its hashes."""
    return re.findall(r"^[^\s#].*(?:\n[ \t]+.*)*", lock, flags=re.MULTILINE)


def pins(lock: str) -> list[str]:
    """Return torch and torchvision at their locked versions, without hashes."""
    found = (re.match(r"[\w.-]+==[^\s;\\]+", block) for block in blocks(lock))
    pinned = [match[0] for match in found if match]
    return [pin for pin in pinned if pin.partition("==")[0] in CHOSEN]


def without_build(lock: str) -> str:
    """Return a lock file without torch itself and without what only its locked build needs."""
    kept = [block for block in blocks(lock) if not _belongs_to_build(block)]
    return "\n".join(kept) + "\n"


def _belongs_to_build(block: str) -> bool:
    found = _NAME.match(block)
    name = found[0] if found else ""
    return name in (*CHOSEN, "triton") or name.startswith(("cuda-", "nvidia-"))


if __name__ == "__main__":
    text = Path(sys.argv[2]).read_text()
    print(*pins(text) if sys.argv[1] == "pins" else [without_build(text)])
