"""Images that cannot be read: left out of their batches, counted and listed; too many of them end the training."""

import logging
from collections.abc import Callable, Sequence
from typing import Final, Literal

from shared.errors import StudioError
from shared.schemas.course import SkippedImage
from shared.store.course import Course
from shared.vision.data import Unreadable

log = logging.getLogger(__name__)
_MOST: Final = 0.05


class Skipped:
    """The list of an experiment. An image met again in a later epoch, or by a resumed run, is listed once."""

    def __init__(self, course: Course, train_images: int, fence: Callable[[], None]) -> None:
        self._course = course
        self._fence = fence
        self._train_images = train_images
        self._listed = {item.image_id for item in course.skipped()}
        self._of_train: dict[str, Unreadable] = {}

    @property
    def count(self) -> int:
        """How many images are listed."""
        return len(self._listed)

    def note(self, found: Sequence[Unreadable], subset: Literal["train", "val"], epoch: int) -> None:
        """List the unreadable images of a batch.

        Raises:
            StudioError: they are more of the train images than a training can do without.
            Cancelled: the experiment is not this run's any more.
        """
        fresh = [item for item in found if item.image_id not in self._listed]
        for item in fresh:
            log.warning("skipped the %s image %r, which cannot be read: %s", subset, item.filename, item.reason)
        if fresh:
            self._fence()
            self._course.append_skipped([_row(item, subset, epoch) for item in fresh])
            self._listed.update(item.image_id for item in fresh)
        if subset == "train":
            self._of_train.update({item.image_id: item for item in found})
            self._refuse_too_many()

    def _refuse_too_many(self) -> None:
        count = len(self._of_train)
        if count <= _MOST * self._train_images:
            return
        examples = ", ".join(f"{item.filename!r} ({item.reason})" for item in list(self._of_train.values())[:3])
        raise StudioError(
            "too_many_unreadable_images",
            f"{count} of {self._train_images} train images cannot be read, more than {_MOST:.0%}: {examples}"
            + (" and others." if count > 3 else "."),
            hint="Their files in the workspace are damaged or gone. Restore them or import the dataset again, then "
            "resume.",
        )


def _row(item: Unreadable, subset: Literal["train", "val"], epoch: int) -> SkippedImage:
    return SkippedImage(image_id=item.image_id, filename=item.filename, subset=subset, reason=item.reason, epoch=epoch)
