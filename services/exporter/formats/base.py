"""What an export format is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from shared.taskkit.runtime import ExportView


@dataclass(frozen=True, slots=True)
class Written:
    """What was written. Shapes have names where a size is free."""

    input_shape: list[int | str]
    output_shape: list[int | str]


Predictor = Callable[[np.ndarray], Mapping[str, np.ndarray]]
"""Runs an exported file on a float32 batch [N, 3, S, S]; gives its outputs by name."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format a model can leave the studio in.

    `write` takes the view, a real image [1, 3, S, S] to follow through it, the metadata and the path; `open` makes the
    written file ready to run in its own `runtime`.
    """

    extension: str
    runtime: str
    write: Callable[[ExportView, Tensor, Mapping[str, str], Path], Written]
    open: Callable[[Path], Predictor]
