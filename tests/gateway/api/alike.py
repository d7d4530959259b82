"""Datasets of which some images are alike."""

from collections.abc import Callable
from typing import Any

from shared.schemas.dataset import ImageRecord
from tests.support.generated import World


def replace_records(world: World, records: list[ImageRecord]) -> None:
    """Give the project a new revision of these images."""
    dataset = world.workspace.dataset(world.project.id)
    head = dataset.head()
    assert head.last_import is not None
    dataset.commit(records, head.legend, reason="import", report=head.last_import, replace=True)


def altered(world: World, change: Callable[[int, ImageRecord], dict[str, Any]]) -> list[ImageRecord]:
    """Give the project a new revision in which every record is changed by its place."""
    records = list(world.workspace.dataset(world.project.id).records())
    changed = [item.model_copy(update=change(place, item)) for place, item in enumerate(records)]
    replace_records(world, changed)
    return changed


def subset_of(assignment: dict[str, list[str]]) -> dict[str, str]:
    return {image: subset for subset, images in assignment.items() for image in images}


def two_alike(place: int, _: ImageRecord) -> dict[str, Any]:
    """Hashes of which two neighbours differ in one bit, other ones in many."""
    return {"phash": f"{(place // 2 + 1) * 0x123456789ABCDEF1 % 2**64 ^ place % 2:016x}"}
