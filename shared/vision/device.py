"""Choosing what to compute on."""

import torch

from shared.errors import Conflict


def choose_device(wanted: str) -> torch.device:
    """Return the device for `auto`, `cpu` or `gpu`.

    Raises:
        Conflict: a GPU is asked for and this worker has none.
    """
    available = torch.cuda.is_available()
    if wanted == "gpu" and not available:
        raise Conflict(
            "gpu_unavailable",
            "A GPU was asked for, but this worker has none that can be used.",
            hint="Choose the device `auto` or `cpu`, or give the worker a GPU.",
        )
    return torch.device("cuda" if available and wanted != "cpu" else "cpu")


def device_label(device: torch.device) -> str:
    """Return the device's name for a person."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
