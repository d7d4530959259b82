"""/api/datasets: history of a dataset, and changes of it that are no import."""

from dataclasses import asdict

from fastapi import APIRouter, Query

from services.gateway.actions import datasets, revisions
from services.gateway.actions.revisions import ClassChanges, Entry, ImageChoice, Merge, Relabel
from services.gateway.api.http import IfMatch, Json, PageNumber, PageSize, listed, revision_of
from services.gateway.studio import StudioDep
from shared.schemas.dataset import DatasetHead

router = APIRouter(prefix="/api/datasets/{project_id}", tags=["datasets"])


@router.get("/revisions", summary="List revisions")
def list_revisions(studio: StudioDep, project_id: str, page: PageNumber = 1, page_size: PageSize = 50) -> Json:
    """Newest first, each with the splits and experiments that were made with it."""
    total, entries = revisions.listed(studio, project_id, page, page_size)
    return listed([_body(item) for item in entries], total, page, page_size)


@router.get("/revisions/{revision}", summary="What a revision changed")
def read_revision(
    studio: StudioDep,
    project_id: str,
    revision: int,
    against: int | None = Query(None, description="The revision to compare with; its parent unless given."),
) -> Json:
    """Images that were added, removed and relabelled, the first of each by name, and changes of classes."""
    return Json(asdict(revisions.compared(studio, project_id, revision, against)))


@router.post("/revisions/{revision}/restore", summary="Restore a revision")
def restore_revision(studio: StudioDep, project_id: str, revision: int, if_match: IfMatch = None) -> Json:
    """A new revision that is as the old one was. Answers with the dataset."""
    return _summary(revisions.restore(studio, project_id, revision, revision_of(if_match)))


@router.patch("/classes/{class_id}", summary="Rename or recolour a class")
def edit_class(studio: StudioDep, project_id: str, class_id: int, body: ClassChanges, if_match: IfMatch = None) -> Json:
    """As a new revision; what was trained before keeps the old name. Answers with the dataset."""
    return _summary(revisions.change_class(studio, project_id, class_id, body, revision_of(if_match)))


@router.post("/classes/merge", summary="Merge classes")
def merge_classes(studio: StudioDep, project_id: str, body: Merge, if_match: IfMatch = None) -> Json:
    """As a new revision: annotations of the sources become annotations of the target. Answers with the dataset."""
    return _summary(revisions.merge_classes(studio, project_id, body, revision_of(if_match)))


@router.post("/images/delete", summary="Delete images")
def delete_images(studio: StudioDep, project_id: str, body: ImageChoice, if_match: IfMatch = None) -> Json:
    """As a new revision; earlier ones keep the images. Answers with the dataset."""
    return _summary(revisions.delete_images(studio, project_id, body.image_ids, revision_of(if_match)))


@router.post("/images/relabel", summary="Give images another class")
def relabel_images(studio: StudioDep, project_id: str, body: Relabel, if_match: IfMatch = None) -> Json:
    """As a new revision, for tasks that say one class of an image. Answers with the dataset."""
    head = revisions.relabel_images(studio, project_id, body.image_ids, body.class_id, revision_of(if_match))
    return _summary(head)


def _summary(head: DatasetHead) -> Json:
    return Json(datasets.summary(head))


def _body(entry: Entry) -> dict[str, object]:
    body = entry.revision.model_dump(mode="json", exclude={"schema_version", "chunks"})
    used = {
        "splits": [asdict(item) for item in entry.splits],
        "experiments": [asdict(item) for item in entry.experiments],
    }
    return {**body, "current": entry.current, **used}
