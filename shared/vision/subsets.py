"""The image records an experiment works on, as the split and the dataset revision it names saw them."""

from collections.abc import Iterable

from shared.errors import Conflict, NotFound
from shared.schemas.base import Subset
from shared.schemas.dataset import DatasetRevision, ImageRecord, Legend
from shared.schemas.experiment import Configuration
from shared.schemas.split import Split
from shared.store.workspace import Workspace


def load_subsets(
    workspace: Workspace, project_id: str, configuration: Configuration, subsets: Iterable[Subset]
) -> dict[Subset, list[ImageRecord]]:
    """Return the records of each subset, in order of import.

    Raises:
        Conflict: the split or the dataset revision is gone.
    """
    split = _split(workspace, project_id, configuration.split_id)
    place = {image_id: subset for subset in subsets for image_id in split.assignment.get(subset, [])}
    found: dict[Subset, list[ImageRecord]] = {subset: [] for subset in subsets}
    _revision(workspace, project_id, configuration.dataset_revision)
    for record in workspace.dataset(project_id).records(configuration.dataset_revision):
        if (subset := place.get(record.id)) is not None:
            found[subset].append(record)
    return found


def load_legend(workspace: Workspace, project_id: str, configuration: Configuration) -> Legend:
    """Return what the annotations of the dataset revision refer to.

    Raises:
        Conflict: the revision is gone.
    """
    return _revision(workspace, project_id, configuration.dataset_revision).legend


def _split(workspace: Workspace, project_id: str, split_id: str) -> Split:
    try:
        return workspace.splits(project_id).get(split_id)
    except NotFound:
        raise Conflict(
            "split_deleted",
            "The split this experiment was made with has been deleted.",
            hint="Make a split, and a new experiment with it.",
        ) from None


def _revision(workspace: Workspace, project_id: str, number: int) -> DatasetRevision:
    try:
        return workspace.dataset(project_id).revision(number)
    except NotFound:
        raise Conflict(
            "dataset_revision_deleted",
            f"Revision {number} of the dataset, which this experiment was made with, does not exist any more.",
            hint="Make a split of the present dataset, and a new experiment with it.",
        ) from None
