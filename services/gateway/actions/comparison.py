"""Several experiments side by side: curves, numbers with the best marked, and only the settings that differ."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.gateway.actions import configuration, experiments
from services.gateway.actions.experiments import ExperimentView
from services.gateway.studio import Studio
from shared.errors import NotFound, invalid_field
from shared.schemas.experiment import EpochRow
from shared.schemas.split import Split
from shared.taskkit.spec import MetricSpec, TaskSpec

MOST = 50
"""More curves than this cannot be told apart, and their rows make an answer slow."""


@dataclass(frozen=True, slots=True)
class Line:
    """One number of every experiment: a metric at its last or at its best epoch. `best` are the winners' places."""

    key: str
    label: str
    kind: str
    style: str
    direction: str | None
    """`higher` or `lower` is better; None where neither is."""
    values: list[float | None]
    best: list[int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the page and the API show. Lists run parallel to `views`."""

    spec: TaskSpec
    views: list[ExperimentView]
    rows: list[list[EpochRow]]
    parameters: list[int | None]
    """Weights of each architecture as published."""
    lines: list[Line]
    differences: dict[str, list[Any]]
    warnings: list[str]

    def sizes(self) -> list[int | None]:
        """Return the bytes of each one's best checkpoint."""
        return [next((item.size for item in view.checkpoints), None) for view in self.views]

    def body(self) -> dict[str, Any]:
        """Return the comparison as the API shows it."""
        return {
            "experiments": [
                {
                    "id": view.experiment.id,
                    "name": view.experiment.name,
                    "status": view.status.value,
                    "tags": view.experiment.tags,
                    "architecture": view.experiment.configuration.architecture,
                    "parameters": parameters,
                    "checkpoint_bytes": size,
                    "seconds": view.experiment.summary.seconds,
                    "summary": view.experiment.summary.model_dump(mode="json"),
                    "split_name": view.split_name,
                    "split_leaky": view.leaky,
                    "rows": [row.model_dump(mode="json") for row in rows],
                }
                for view, rows, parameters, size in zip(
                    self.views, self.rows, self.parameters, self.sizes(), strict=True
                )
            ],
            "metrics": [
                {
                    "key": line.key,
                    "label": line.label,
                    "kind": line.kind,
                    "direction": line.direction,
                    "values": line.values,
                    "best": [self.views[at].experiment.id for at in line.best],
                }
                for line in self.lines
            ],
            "differences": self.differences,
            "warnings": self.warnings,
        }


def compare(studio: Studio, project_id: str, ids: Sequence[str]) -> Comparison:
    """Return experiments of a project side by side, in the given order.

    Raises:
        NotFound: there is no such project or experiment.
        Invalid: none is named, or too many are.
    """
    spec = configuration.task_of(studio, project_id)
    wanted = list(dict.fromkeys(ids))
    if not 1 <= len(wanted) <= MOST:
        raise invalid_field("ids", f"must name from 1 to {MOST} experiments", code="invalid_request")
    views = [experiments.view(studio, project_id, experiment_id) for experiment_id in wanted]
    store = studio.workspace.experiments(project_id)
    rows = [store.metrics(item.experiment.id) for item in views]
    architectures = [spec.architecture(item.experiment.configuration.architecture) for item in views]
    return Comparison(
        spec=spec,
        views=views,
        rows=rows,
        parameters=[item.parameters if item else None for item in architectures],
        lines=_lines(spec, rows),
        differences=_differences(views),
        warnings=_warnings(studio, project_id, views),
    )


def table(comparison: Comparison) -> str:
    """Return the comparison as CSV with one row an experiment; curves are left out."""
    settings = list(comparison.differences)
    head = ["id", "name", "status", "tags", "split", "split_leaky", "epochs", "seconds", "checkpoint_bytes"]
    head += ["parameters", *(f"{line.kind} {line.key}" for line in comparison.lines), *settings]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    sizes = comparison.sizes()
    for at, view in enumerate(comparison.views):
        item = view.experiment
        facts: list[Any] = [item.id, item.name, view.status.value, " ".join(item.tags), view.split_name, view.leaky]
        facts += [item.summary.epochs_done, item.summary.seconds, sizes[at], comparison.parameters[at]]
        figures = [line.values[at] for line in comparison.lines]
        writer.writerow([*facts, *figures, *(comparison.differences[key][at] for key in settings)])
    return out.getvalue()


def metric_of(spec: TaskSpec, key: str) -> tuple[str, str, str | None]:
    """Return label, style and direction of the key of a metric row."""
    side, _, name = key.partition("_")
    known: MetricSpec | None = next((item for item in spec.metrics if item.key == name), None)
    where = {"train": "train", "val": "validation"}.get(side, side)
    if known is not None:
        return f"{known.label}, {where}", known.style, "higher" if known.higher_is_better else "lower"
    lower = "lower" if name.endswith("loss") else None
    return f"{name.replace('_', ' ').capitalize()}, {where}", "number", lower


def _lines(spec: TaskSpec, rows: list[list[EpochRow]]) -> list[Line]:
    """Return best and last value of every metric, the key metric first."""
    keys = {key for each in rows for row in each for key in row.metrics}
    ordered = sorted(keys, key=lambda key: (key != spec.primary_key, not key.startswith("val_"), key))
    return [line for key in ordered for line in _of_metric(spec, key, rows)]


def _of_metric(spec: TaskSpec, key: str, rows: list[list[EpochRow]]) -> list[Line]:
    label, style, direction = metric_of(spec, key)
    series = [[value for row in each if (value := row.metrics.get(key)) is not None] for each in rows]
    last = [values[-1] if values else None for values in series]
    lines = [Line(key, label, "last", style, direction, last, _winners(last, direction))]
    if direction is not None:
        pick = max if direction == "higher" else min
        best = [pick(values, default=None) for values in series]
        lines.insert(0, Line(key, label, "best", style, direction, best, _winners(best, direction)))
    return lines


def _winners(values: list[float | None], direction: str | None) -> list[int]:
    """Return where the best value is; nowhere when there is nothing to compare."""
    known = [value for value in values if value is not None]
    if direction is None or len(known) < 2 or len(set(known)) < 2:
        return []
    best = max(known) if direction == "higher" else min(known)
    return [at for at, value in enumerate(values) if value == best]


def _differences(views: list[ExperimentView]) -> dict[str, list[Any]]:
    settings = [_flat(item.experiment.configuration.model_dump(mode="json")) for item in views]
    for each, item in zip(settings, views, strict=True):
        each["split_name"] = item.split_name
    keys = sorted(set().union(*settings))
    return {
        key: [each.get(key) for each in settings]
        for key in keys
        if key != "split_id" and len({repr(each.get(key)) for each in settings}) > 1
    }


def _warnings(studio: Studio, project_id: str, views: list[ExperimentView]) -> list[str]:
    """Return what makes the numbers not comparable."""
    told = []
    splits = [_split(studio, project_id, item) for item in views]
    judged = {frozenset(split.assignment["val"]) if split else None for split in splits}
    if len(judged) > 1:
        told.append("Not on the same images: the splits differ in their validation images, so metrics do not compare.")
    if leaky := [item.experiment.name for item in views if item.leaky]:
        told.append(f"Better than they are, because of a leaky split: {', '.join(leaky)}.")
    return told


def _split(studio: Studio, project_id: str, view: ExperimentView) -> Split | None:
    try:
        return studio.workspace.splits(project_id).get(view.experiment.configuration.split_id)
    except NotFound:
        return None


def _flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Return a nested mapping with dotted keys; the steps of a list by their name."""
    if isinstance(tree, list) and all(isinstance(item, dict) and "name" in item for item in tree):
        steps = {item["name"]: {key: value for key, value in item.items() if key != "name"} for item in tree}
        tree = {**steps, "order": ", ".join(steps)} if steps else "none"
    if not isinstance(tree, dict):
        return {prefix: tree}
    return {
        key: value for name, sub in tree.items() for key, value in _flat(sub, f"{prefix}.{name}".strip(".")).items()
    }
