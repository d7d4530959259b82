"""Datasets: what is there, and getting more in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from services.gateway.actions import jobs
from services.gateway.actions.image_filters import Filters, query
from services.gateway.studio import Studio
from shared.errors import Conflict, NotFound
from shared.schemas.base import Subset
from shared.schemas.dataset import DatasetHead, ImageRecord, Legend
from shared.store.datasets import DatasetStore
from shared.taskkit import images as pictures
from shared.taskkit import registry
from shared.taskkit.shapes import Shape


@dataclass(frozen=True, slots=True)
class ImageDetail:
    """One image with its surroundings. `splits` maps split names to subsets."""

    record: ImageRecord
    splits: Mapping[str, Subset | Literal["unassigned"]]
    previous: str | None
    next: str | None
    shapes: list[Shape]


def store(studio: Studio, project_id: str) -> DatasetStore:
    """Return the dataset store of a project that exists."""
    studio.workspace.projects.get(project_id)
    return studio.workspace.dataset(project_id)


def head(studio: Studio, project_id: str) -> DatasetHead:
    """Return the summary of a dataset or raise `NotFound`."""
    return store(studio, project_id).head()


def find_head(studio: Studio, project_id: str) -> DatasetHead | None:
    """Return the summary of a dataset, or None before the first import."""
    found = store(studio, project_id)
    return found.head() if found.exists() else None


def summary(found: DatasetHead) -> dict[str, Any]:
    """Return a dataset as the API shows it: counts of classes joined with their names and colours."""
    body = found.model_dump(mode="json", exclude={"chunks", "classes", "schema_version"})
    images, annotations = found.statistics.class_counts, found.statistics.annotation_counts
    body["classes"] = [
        {**item.model_dump(), "count": images.get(item.id, 0), "annotation_count": annotations.get(item.id, 0)}
        for item in found.classes
    ]
    return body


def page(studio: Studio, project_id: str, filters: Filters, number: int, size: int) -> tuple[int, list[bytes]]:
    """Return the count of matching images and the stored JSON of one page of them."""
    found = store(studio, project_id)
    return found.index().page(query(studio, found, filters), number, size)


def matching(studio: Studio, project_id: str, filters: Filters) -> list[str]:
    """Return the ids of all images that match."""
    found = store(studio, project_id)
    return found.index().matching(query(studio, found, filters))


def page_of(studio: Studio, project_id: str, filters: Filters, image_id: str, size: int) -> int:
    """Return the page an image is on; the first when it is on none."""
    found = store(studio, project_id)
    return (found.index().rank(query(studio, found, filters), image_id) or 0) // size + 1


def records(studio: Studio, project_id: str, filters: Filters, number: int, size: int) -> tuple[int, list[ImageRecord]]:
    """Return the count of matching images and one page of them."""
    total, lines = page(studio, project_id, filters, number, size)
    return total, [ImageRecord.model_validate_json(line) for line in lines]


def record(studio: Studio, project_id: str, image_id: str) -> ImageRecord:
    """Return one image's record, also of an image that only older revisions have, or raise `NotFound`."""
    found = store(studio, project_id)
    try:
        return ImageRecord.model_validate_json(found.index().record(image_id))
    except NotFound:
        return found.earlier_record(image_id)


def image(studio: Studio, project_id: str, image_id: str, filters: Filters) -> ImageDetail:
    """Return one image with its neighbours in a query."""
    found = record(studio, project_id, image_id)
    dataset = store(studio, project_id)
    before, after = dataset.index().neighbours(query(studio, dataset, filters), image_id)
    splits = studio.workspace.splits(project_id).list()
    return ImageDetail(
        record=found,
        splits={split.name: split.subset_of(image_id) or "unassigned" for split in splits},
        previous=before,
        next=after,
        shapes=shapes(studio, project_id, found),
    )


def shapes(studio: Studio, project_id: str, found: ImageRecord) -> list[Shape]:
    """Return what the annotations of an image look like."""
    project = studio.workspace.projects.get(project_id)
    overlay = registry.part(project.task, "overlay")
    drawn: list[Shape] = overlay.truth_shapes(found.annotations, legend(studio, project_id)) if overlay else []
    return drawn


def legend(studio: Studio, project_id: str, revision: int | None = None) -> Legend:
    """Return what annotations of a revision refer to, the newest unless `revision` is given."""
    found = store(studio, project_id)
    return found.head().legend if revision is None else found.revision(revision).legend


def image_file(studio: Studio, project_id: str, image_id: str) -> tuple[ImageRecord, Path]:
    """Return an image's record and where its bytes are."""
    found = record(studio, project_id, image_id)
    path = store(studio, project_id).image_path(found)
    if not path.exists():
        raise NotFound("image_file_missing", f"The file of image {image_id} is gone from the workspace.")
    return found, path


def thumbnail(studio: Studio, project_id: str, image_id: str) -> bytes:
    """Return an image's thumbnail as JPEG; made on the fly where the stored one is gone."""
    try:
        return store(studio, project_id).thumbnail_path(image_id).read_bytes()
    except FileNotFoundError:
        return pictures.thumbnail(image_file(studio, project_id, image_id)[1].read_bytes())


def delete(studio: Studio, project_id: str) -> None:
    """Remove the dataset and its history.

    Raises:
        Conflict: a job of the project waits or runs.
    """
    found = store(studio, project_id)
    found.head()
    if busy := jobs.unfinished(studio, project_id):
        raise Conflict("dataset_is_in_use", f"A job uses this dataset: {busy[0].title}.", hint="Cancel it first.")
    found.delete()
