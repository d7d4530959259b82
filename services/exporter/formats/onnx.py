"""ONNX, written by torch's TorchScript-based exporter and run by onnxruntime."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
import torch

from services.exporter.formats.base import Format, Predictor, Written
from shared.taskkit.runtime import ExportView

log = logging.getLogger(__name__)
_OPSET: Final = 17


def write(view: ExportView, example: torch.Tensor, metadata: Mapping[str, str], path: Path) -> Written:
    """Write the view as ONNX with `metadata` among the model's properties.

    The exporter keeps the way that `example` takes, and a detector takes another one where nothing is to be seen.
    """
    with _noise_to_log(), torch.inference_mode():
        torch.onnx.export(
            view.module,
            (example,),
            path,
            input_names=[view.input],
            output_names=list(view.outputs),
            dynamic_axes={name: dict(axes) for name, axes in view.dynamic_axes.items()},
            opset_version=_OPSET,
            dynamo=False,
        )
    model = onnx.load(path)
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return Written(_shape(model.graph.input[0]), _shape(model.graph.output[0]))


def open_file(path: Path) -> Predictor:
    """Return a function that runs the file on the CPU."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    outputs = [item.name for item in session.get_outputs()]

    def predict(images: np.ndarray) -> Mapping[str, np.ndarray]:
        return dict(zip(outputs, session.run(None, {name: images}), strict=True))

    return predict


def _shape(value: Any) -> list[int | str]:
    return [axis.dim_param or int(axis.dim_value) for axis in value.type.tensor_type.shape.dim]


@contextlib.contextmanager
def _noise_to_log() -> Iterator[None]:
    """Keep what the exporter prints and warns of in the log; a person cannot act on it."""
    printed = io.StringIO()
    with warnings.catch_warnings(record=True) as told, contextlib.redirect_stdout(printed):
        warnings.simplefilter("always")
        yield
    for line in [str(item.message) for item in told] + printed.getvalue().splitlines():
        log.info("exporter: %s", line)


ONNX: Final = Format("onnx", f"onnxruntime {onnxruntime.__version__}", write, open_file)
