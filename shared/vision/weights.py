"""Published weights: from the weights folder, from a mirror, or downloaded into the weights folder.

Files have the names that torchvision's addresses give them, with the beginning of their SHA-256 at the end.
"""

import errno
import hashlib
import http.client
import pickle
import re
import shutil
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlparse
from urllib.request import Request, urlopen

import torch
from torchvision.models import WeightsEnum, get_model_weights

from shared.errors import DiskFull, StudioError, Unavailable
from shared.store.files import replacing
from shared.taskkit.runtime import WeightSource

_HASH_IN_NAME: Final = re.compile(r"-([0-9a-f]{8,})\.")
_PATIENCE: Final = 30.0
"""Seconds without a byte after which a download has failed."""
_CHUNK: Final = 1024 * 1024


def pretrained_weights(architecture: str, source: WeightSource) -> dict[str, Any]:
    """Return torchvision's default weights of `architecture`.

    Raises:
        StudioError: `weights_unavailable`, `weights_damaged` for a file that is not what its name says, or `disk_full`.
    """
    return fetched(get_model_weights(architecture).DEFAULT, source)


def fetched(weights: WeightsEnum, source: WeightSource) -> dict[str, Any]:
    """Return the tensors of one of torchvision's weights, as `pretrained_weights` does."""
    return _read(weight_file(weights.url, source))


def weight_file(url: str, source: WeightSource) -> Path:
    """Return the file that `url` names: in the weights folder, in the mirror, or downloaded into the former.

    Raises:
        StudioError: as `pretrained_weights`.
    """
    name = Path(urlparse(url).path).name
    folder = source.folder or Path(torch.hub.get_dir(), "checkpoints")
    for place in (folder, source.mirror):
        if place is not None and (path := place / name).is_file():
            _refuse_if_damaged(path)
            return path
    if source.offline:
        raise _unavailable(name, url, folder, "downloads are switched off")
    try:
        _download(url, folder / name)
    except DiskFull as error:
        raise DiskFull(
            "disk_full",
            f"There is no room for the pretrained weights {name} on the disk of {folder}.",
            hint="Free some space there, or let AI_STUDIO_WEIGHTS name a folder on another disk.",
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise _unavailable(name, url, folder, f"the download failed ({error})") from error
    return folder / name


def _download(url: str, path: Path) -> None:
    """Write what `url` gives to `path`, whole and checked or not at all."""
    with replacing(path) as temporary, _opened(url) as response:
        size = int(response.headers.get("Content-Length") or 0)
        if size > shutil.disk_usage(path.parent).free:
            raise OSError(errno.ENOSPC, f"{size:,} bytes do not fit")
        with temporary.open("wb") as file:
            shutil.copyfileobj(response, file, _CHUNK)
        if temporary.stat().st_size < size:
            raise OSError(f"it ended after {temporary.stat().st_size:,} of {size:,} bytes")
        if not _is_whole(temporary, path.name):
            raise OSError("what came does not match the hash in its name")


def _opened(url: str) -> http.client.HTTPResponse:
    request = Request(url, headers={"User-Agent": "AI Studio"})
    try:
        response: http.client.HTTPResponse = urlopen(request, timeout=_PATIENCE)
    except HTTPError as error:
        error.close()  # it holds the connection
        raise
    return response


def _read(path: Path) -> dict[str, Any]:
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise _damaged(path, "it does not hold tensors") from error
    if not isinstance(found, dict):
        raise _damaged(path, "it does not hold tensors by name")
    return found


def _refuse_if_damaged(path: Path) -> None:
    try:
        whole = _is_whole(path, path.name)
    except OSError as error:
        raise _damaged(path, error.strerror or str(error)) from error
    if not whole:
        raise _damaged(path, "its content does not match the hash in its name")


def _is_whole(path: Path, name: str) -> bool:
    expected = _HASH_IN_NAME.search(name)
    with path.open("rb") as file:
        return expected is None or hashlib.file_digest(file, "sha256").hexdigest().startswith(expected[1])


def _damaged(path: Path, why: str) -> StudioError:
    return StudioError(
        "weights_damaged",
        f"The weight file {path.name} is damaged: {why}.",
        hint=f"Delete it from {path.parent}, or copy it there again.",
    )


def _unavailable(name: str, url: str, folder: Path, why: str) -> Unavailable:
    return Unavailable(
        "weights_unavailable",
        f"The pretrained weights {name} are not in the weights folder, and {why}.",
        hint=f"Put the file from {url} into {folder}, which AI_STUDIO_WEIGHTS names, or into the folder that"
        " AI_STUDIO_WEIGHTS_MIRROR names, or train without pretrained weights.",
    )
