"""Export formats: one module each, and the registry that lists them."""

from services.exporter.formats.base import Format
from services.exporter.formats.onnx import ONNX

FORMATS: dict[str, Format] = {"onnx": ONNX}
"""By the ids that task specs offer."""
