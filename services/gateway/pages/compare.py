"""Experiments side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Query, Request, Response

from services.gateway.actions import comparison
from services.gateway.actions.comparison import Comparison
from services.gateway.pages.rendering import View, link, show
from services.gateway.pages.shell import project_path, shell
from services.gateway.studio import StudioDep
from shared.schemas.base import Model
from shared.schemas.experiment import EpochRow, Hardware
from shared.schemas.project import Project
from shared.taskkit.spec import TaskSpec

router = APIRouter(prefix="/projects/{project_id}/training/compare", include_in_schema=False)
COLORS = 6
"""As many colours can be told apart; the next round of curves is dashed."""


@dataclass(frozen=True)
class Overlay:
    """One chart: a curve an experiment, each a list of epoch, seconds since the start, value."""

    id: str
    title: str
    percent: bool
    curves: list[list[tuple[int, float, float]]]

    def spec(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the chart as the browser takes it."""
        series = [
            {"label": name, "color": at % COLORS, "dashed": at >= COLORS, "points": points}
            for at, (name, points) in enumerate(zip(names, self.curves, strict=True))
        ]
        return {"series": series, "percent": self.percent}


@dataclass(frozen=True)
class Setting:
    """A setting that differs, one text an experiment."""

    label: str
    texts: list[str]


@dataclass(frozen=True, kw_only=True)
class CompareView(View):
    """Curves, numbers, differing settings."""

    template: ClassVar[str] = "pages/compare.html"

    project: Project
    path: str
    found: Comparison | None
    names: list[str]
    overlays: list[Overlay]
    settings: list[Setting]
    csv_url: str


@router.get("")
def read(
    request: Request, studio: StudioDep, project_id: str, ids: Annotated[list[str] | None, Query()] = None
) -> Response:
    """Show the experiments named by `ids`, once or repeated, with commas or without."""
    project = studio.workspace.projects.get(project_id)
    frame = shell(studio, "Compare", project=project, step="training")
    wanted = [item for each in ids or [] for item in each.split(",") if item]
    found = comparison.compare(studio, project_id, wanted) if wanted else None
    view = CompareView(
        shell=frame,
        project=project,
        path=project_path(project_id, "training"),
        found=found,
        names=[item.experiment.name for item in found.views] if found else [],
        overlays=_overlays(found.spec, found.rows) if found else [],
        settings=_settings(found) if found else [],
        csv_url=link(f"/api/training/{project_id}/compare.csv", ids=",".join(wanted)),
    )
    return show(request, view)


def _overlays(spec: TaskSpec, rows: list[list[EpochRow]]) -> list[Overlay]:
    keys = {key for each in rows for row in each for key in row.metrics}
    ordered = sorted(keys, key=lambda key: (key != spec.primary_key, not key.endswith("_loss"), key))
    made = []
    for key in ordered:
        label, style, _ = comparison.metric_of(spec, key)
        made.append(Overlay(f"compare-{key}", label, style == "percent", [_curve(each, key) for each in rows]))
    return made


def _curve(rows: list[EpochRow], key: str) -> list[tuple[int, float, float]]:
    points = []
    seconds = 0.0
    for row in rows:
        seconds += row.seconds or 0.0
        if (value := row.metrics.get(key)) is not None:
            points.append((row.epoch, round(seconds, 3), value))
    return points


def _settings(found: Comparison) -> list[Setting]:
    """Return the settings that differ, under the names the form has for them. Splits stand elsewhere in the table."""
    titles = {f"params.{name}": item.get("title", name) for name, item in _properties(found.spec.params).items()}
    titles |= {f"hardware.{name}": item.get("title", name) for name, item in _properties(Hardware).items()}
    labels = {item.id: item.label for item in found.spec.architectures}
    return [
        Setting(titles.get(key) or _words(key), [labels.get(str(value)) or _said(value) for value in values])
        for key, values in found.differences.items()
        if key != "split_name"
    ]


def _properties(model: type[Model]) -> dict[str, Any]:
    properties: dict[str, Any] = model.model_json_schema()["properties"]
    return properties


def _words(key: str) -> str:
    """Return the place of a setting in words: `augmentations.rotation.params.degrees` is `Rotation: degrees`."""
    parts = [part for part in key.split(".") if part not in ("augmentations", "params")]
    head, *rest = [part.replace("_", " ") for part in parts]
    return ": ".join([head.capitalize(), *rest])


def _said(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
