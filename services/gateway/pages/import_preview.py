"""The preview of an import: what was recognised and what is wrong, to accept, to change or to discard."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from fastapi import APIRouter, Request, Response

from services.gateway.actions import imports, jobs, previews
from services.gateway.actions.imports import ImportPlanned, ImportUpload
from services.gateway.pages.forms import Form, Typed, TypedDep, parsed, refused
from services.gateway.pages.read_options import OptionField, fields, typed_options
from services.gateway.pages.rendering import View, go_to, show, show_block
from services.gateway.pages.shell import project_path, shell
from services.gateway.pages.tiles import Tile, with_shapes
from services.gateway.studio import Studio, StudioDep
from shared.errors import StudioError
from shared.schemas.dataset import Problem
from shared.schemas.import_plan import Action, PreviewReport, PreviewSample, ProblemKind
from shared.schemas.job import Job, JobStatus
from shared.schemas.project import Project
from shared.taskkit import registry
from shared.taskkit.shapes import Shape
from shared.taskkit.spec import Choice

router = APIRouter(prefix="/projects/{project_id}/dataset/import/{job_id}", include_in_schema=False)
SHOWN_CLASSES = 500
_SHOWN_PROBLEMS = 20
_ACTIONS: Mapping[Action, str] = {
    "clip": "Cut to the image",
    "drop": "Leave the object out",
    "drop_image": "Leave the image out",
    "keep": "Keep the image",
    "skip": "Skip the duplicate",
}


@dataclass(frozen=True)
class KindRow:
    """All problems of one kind, some of them, and what can be done."""

    kind: ProblemKind
    label: str
    first: list[Problem]
    choices: list[Choice]


@dataclass(frozen=True, kw_only=True)
class PreviewView(View):
    """A preview that runs, has failed, waits for an answer, or is over."""

    template: ClassVar[str] = "pages/import_preview.html"

    project: Project
    path: str
    back: str
    job: Job
    source: str
    replaces: bool
    is_over: bool
    report: PreviewReport | None
    tiles: list[Tile]
    kinds: list[KindRow]
    shown_classes: int
    formats: tuple[Choice, ...]
    options: list[OptionField]
    form: Form


@router.get("")
def read(request: Request, studio: StudioDep, project_id: str, job_id: str) -> Response:
    """Show what the preview found."""
    return show(request, _view(studio, project_id, job_id))


@router.post("")
def accept(request: Request, studio: StudioDep, project_id: str, job_id: str, typed: TypedDep) -> Response:
    """Import with the plan as it was changed."""
    try:
        report = previews.report(studio, project_id, job_id)
        plan = {**report.plan.model_dump(), "class_map": _class_map(report, typed), "mends": _mends(report, typed)}
        imports.import_planned(studio, project_id, parsed(ImportPlanned, {"preview_job_id": job_id, "plan": plan}))
    except StudioError as error:
        return show_block(_view(studio, project_id, job_id, refused(typed.values, error, set())), "refusal", 422)
    return go_to(request, project_path(project_id, "dataset"))


@router.post("/again")
def again(request: Request, studio: StudioDep, project_id: str, job_id: str, typed: TypedDep) -> Response:
    """Read the same source in another way."""
    mode = previews.get(studio, project_id, job_id).payload["mode"]
    given = {"format": typed.get("format", "auto"), "options": {"mode": mode, "read": typed_options(typed.values)}}
    try:
        job = imports.preview_again(studio, project_id, job_id, parsed(ImportUpload, given))
    except StudioError as error:
        return show_block(_view(studio, project_id, job_id, refused(typed.values, error, set())), "again", 422)
    return go_to(request, f"{project_path(project_id, 'dataset')}/import/{job.id}")


@router.post("/discard")
def discard(request: Request, studio: StudioDep, project_id: str, job_id: str) -> Response:
    """Cancel the preview, or forget what it found."""
    previews.discard(studio, project_id, job_id)
    told = {"kind": "info", "message": "The preview is discarded; nothing was imported."}
    return go_to(request, project_path(project_id, "dataset"), toast=told)


def _view(studio: Studio, project_id: str, job_id: str, form: Form | None = None) -> PreviewView:
    project = studio.workspace.projects.get(project_id)
    frame = shell(studio, "Import preview", project=project, step="dataset")
    job = jobs.with_progress(studio, previews.get(studio, project_id, job_id))
    report = PreviewReport.model_validate(job.result) if job.status is JobStatus.SUCCEEDED else None
    source, back = job.payload["source"], project_path(project_id, "dataset")
    return PreviewView(
        shell=frame,
        project=project,
        path=f"{back}/import/{job_id}",
        back=back,
        job=job,
        source=source.get("name") or Path(source["path"]).name,
        replaces=job.payload["mode"] == "replace" and studio.workspace.dataset(project_id).exists(),
        is_over=previews.is_over(studio, job),
        report=report,
        tiles=[_tile(project_id, job_id, at, item) for at, item in enumerate(report.samples)] if report else [],
        kinds=[_row(kind, report) for kind in report.kinds] if report else [],
        shown_classes=SHOWN_CLASSES,
        formats=registry.spec(project.task).import_formats,
        options=fields(job.payload.get("read") or {}),
        form=form or Form({"format": job.payload["format"]}),
    )


def _tile(project_id: str, job_id: str, number: int, sample: PreviewSample) -> Tile:
    picture = f"/api/datasets/{project_id}/import/preview/{job_id}/samples/{number}"
    shapes = [Shape.model_validate(item) for item in sample.shapes]
    size = (sample.width, sample.height)
    return with_shapes(
        project_id, f"sample-{number}", PurePosixPath(sample.file).name, size, shapes, "", thumbnail=picture
    )


def _row(kind: ProblemKind, report: PreviewReport) -> KindRow:
    first = [item for item in report.problems if item.code == kind.code][:_SHOWN_PROBLEMS]
    choices = [Choice(action, _ACTIONS[action]) for action in kind.actions]
    return KindRow(kind, kind.code.replace("_", " ").capitalize(), first, choices)


def _class_map(report: PreviewReport, typed: Typed) -> dict[str, str | None]:
    """Return what the form says of the classes; those that are not shown stay as the preview proposed."""
    given: dict[str, str | None] = dict(report.plan.class_map)
    for number, item in enumerate(report.classes[:SHOWN_CLASSES]):
        name = typed.get(f"as-{number}").strip()
        if f"use-{number}" not in typed:
            given[item.name] = None
        elif name and name != item.name:
            given[item.name] = name
        else:
            given.pop(item.name, None)
    return given


def _mends(report: PreviewReport, typed: Typed) -> dict[str, Any]:
    codes = [kind.code for kind in report.kinds if len(kind.actions) > 1]
    return {code: typed.get(f"mend-{code}") for code in codes if f"mend-{code}" in typed}
