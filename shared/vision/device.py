"""Choosing what to compute on."""

import torch

from shared.errors import Conflict
from shared.schemas.experiment import Precision


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


def check_precision(device: torch.device, precision: Precision) -> None:
    """Refuse what the device cannot calculate in.

    Raises:
        Conflict: float16 on the CPU, where its sums overflow and nothing is gained; bfloat16 on a GPU without it.
    """
    on_gpu = device.type == "cuda"
    if precision == "16-mixed" and not on_gpu:
        raise Conflict(
            "precision_unsupported",
            "The precision 16-mixed needs a GPU, and this worker trains on the CPU.",
            hint="Choose the precision 32 or bf16-mixed, or give the worker a GPU.",
        )
    if precision == "bf16-mixed" and on_gpu and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise Conflict(
            "precision_unsupported",
            f"{device_label(device)} cannot calculate in bfloat16.",
            hint="Choose the precision 16-mixed or 32.",
        )


def device_label(device: torch.device) -> str:
    """Return the device's name for a person."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
