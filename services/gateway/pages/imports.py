"""Getting images in: the dialog, and where the newest import of a project stands."""

from dataclasses import dataclass
from typing import ClassVar

from fastapi import APIRouter, Request, Response

from services.gateway.actions import dataset_exports, datasets, imports, jobs, previews
from services.gateway.actions.imports import ImportLocal, Start
from services.gateway.pages.forms import Form, TypedDep, parsed, refused
from services.gateway.pages.rendering import View, go_to, show_block
from services.gateway.pages.shell import project_path, shell
from services.gateway.studio import Studio, StudioDep
from shared.errors import StudioError
from shared.schemas.job import Job, JobKind, JobStatus
from shared.schemas.project import Project
from shared.taskkit import registry
from shared.taskkit.spec import Choice

router = APIRouter(prefix="/projects/{project_id}/dataset/import", include_in_schema=False)


@dataclass(frozen=True)
class Importing:
    """What the dialogs offer, and where the newest import stands; `waiting` is a preview that nobody answered yet.

    `export` is the newest export of the dataset, as long as there is something to tell of it.
    """

    project_id: str
    path: str
    formats: tuple[Choice, ...]
    export_formats: tuple[Choice, ...]
    has_dataset: bool
    running: Job | None
    failed: Job | None
    waiting: Job | None
    export: Job | None
    form: Form


@dataclass(frozen=True, kw_only=True)
class DialogView(View):
    """The dialog by itself, with what was typed."""

    template: ClassVar[str] = "pages/dataset_import.html"

    imports: Importing


@router.post("")
def import_local(request: Request, studio: StudioDep, project_id: str, typed: TypedDep) -> Response:
    """Start an import from the server's disk, or with `preview` a preview of it."""
    given = {**typed.given("path", "format"), "options": {"mode": typed.get("options.mode", "append")}}
    preview = "preview" in typed
    try:
        job = imports.import_local(studio, project_id, parsed(ImportLocal, given), Start(preview))
    except StudioError as error:
        return _refused(studio, project_id, refused(typed.values, error, {"path", "format"}))
    path = project_path(project_id, "dataset")
    return go_to(request, f"{path}/import/{job.id}" if preview else path)


def importing(studio: Studio, project: Project, has_dataset: bool, form: Form | None = None) -> Importing:
    """Return what a page shows of imports into a project, and of exports of its dataset."""
    spec = registry.spec(project.task)
    found = [item for item in jobs.listed(studio, project_id=project.id, kind=JobKind.IMPORT) if is_import(item)]
    newest = jobs.with_progress(studio, found[0]) if found else None
    failed = newest is not None and newest.status is JobStatus.FAILED and not newest.payload.get("preview")
    return Importing(
        project_id=project.id,
        path=f"{project_path(project.id, 'dataset')}/import",
        formats=spec.import_formats,
        export_formats=spec.dataset_formats,
        has_dataset=has_dataset,
        running=newest if newest and not newest.status.final else None,
        failed=newest if failed else None,
        waiting=previews.waiting(studio, project.id),
        export=dataset_exports.newest(studio, project.id),
        form=form or Form(),
    )


def is_import(job: Job) -> bool:
    """Whether a job of the import queue brings images in or previews that."""
    return "source" in job.payload


def _refused(studio: Studio, project_id: str, form: Form) -> Response:
    project = studio.workspace.projects.get(project_id)
    has_dataset = datasets.find_head(studio, project_id) is not None
    view = DialogView(
        shell=shell(studio, "Import", project=project, step="dataset"),
        imports=importing(studio, project, has_dataset, form),
    )
    return show_block(view, "path_form", 422)
