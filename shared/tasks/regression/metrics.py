"""How far numbers are off."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torchmetrics.functional.regression import mean_absolute_error, mean_squared_error

UNIT_BOUND: Final = ("mae", "rmse", "mse", "median_ae")
"""Metrics in the unit of their target, or its square."""


def target_metrics(found: np.ndarray, truth: np.ndarray) -> dict[str, float | None]:
    """Return the metrics of one target; all None without images.

    R² is None for fewer than two images, and where all of them have the same truth: nothing varies that could be
    explained.

    Args:
        found: predicted values, shape [images].
        truth: true values, shape [images].
    """
    if not len(truth):
        return dict.fromkeys(("r2", *UNIT_BOUND))
    pair = torch.from_numpy(found).double(), torch.from_numpy(truth).double()
    squared = float(mean_squared_error(*pair))
    return {
        "r2": _r2(found, truth) if len(truth) > 1 and np.ptp(truth) > 0 else None,
        "mae": float(mean_absolute_error(*pair)),
        "rmse": squared**0.5,
        "mse": squared,
        "median_ae": float(np.median(np.abs(found - truth))),
    }


def _r2(found: np.ndarray, truth: np.ndarray) -> float:
    """Return the coefficient of determination.

    Not from torchmetrics, which takes residuals below 1e-4 for none, whatever the unit, and squares values that are not
    centred.
    """
    left, all_of_it = np.sum((truth - found) ** 2), np.sum((truth - truth.mean()) ** 2)
    return float(1 - left / all_of_it)


def over_targets(per_target: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """Return R² as the mean of the targets that have one, and what has a unit only where there is one target."""
    known = [value for item in per_target if (value := item["r2"]) is not None]
    lone = per_target[0] if len(per_target) == 1 else dict.fromkeys(UNIT_BOUND)
    return {"r2": sum(known) / len(known) if known else None, **{key: lone[key] for key in UNIT_BOUND}}


class GatheredValues(nn.Module):
    """Validation metrics: keeps all values, which are few, because a median cannot be gathered otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self._batches: list[tuple[Tensor, Tensor]] = []

    def update(self, found: Tensor, truth: Tensor) -> None:
        """Add predicted and true values, both [N, targets]."""
        self._batches.append((found.detach(), truth.detach()))

    def compute(self) -> Mapping[str, Tensor]:
        """Return the metrics of the spec; what has no value is not a number."""
        found, truth = (torch.cat(side).cpu().double().numpy() for side in zip(*self._batches, strict=True))
        per_target = [target_metrics(found[:, at], truth[:, at]) for at in range(truth.shape[1])]
        totals = over_targets(per_target)
        return {key: torch.tensor(float("nan") if value is None else value) for key, value in totals.items()}

    def reset(self) -> None:
        """Forget what was gathered."""
        self._batches.clear()
