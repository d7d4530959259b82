"""From rows to annotated records: what the task makes of them, and how the plan mends what is wrong."""

import dataclasses
from collections.abc import Mapping, Sequence
from types import ModuleType

from services.importer.files import printable
from services.importer.records import Stored
from shared.schemas.annotations import Annotation
from shared.schemas.dataset import ImageRecord, Problem
from shared.schemas.import_plan import Action
from shared.taskkit.boxes import CUT

_TWINS = ("duplicate_image", "known_image", "known_image_other_annotations")
_AS_PLANNED = "Left out as planned."


class Annotator:
    """Makes annotated records. `actions` are those that are possible for each kind of problem it met."""

    def __init__(
        self,
        task: ModuleType | None,
        class_ids: Mapping[str, int],
        mends: Mapping[str, Action],
        read: Sequence[Problem],
    ) -> None:
        self._task = task
        self._class_ids = class_ids
        self._mends = mends
        self._of_file: dict[str, list[Problem]] = {}
        for problem in read:
            if problem.severity == "warning" and problem.file:
                self._of_file.setdefault(problem.file, []).append(problem)
        self.actions: dict[str, list[Action]] = {code: ["skip"] for code in _TWINS}

    def annotated(self, item: Stored) -> tuple[ImageRecord | None, list[Problem]]:
        """Return the record with what the task makes of its row, or None where the plan leaves it out; and problems."""
        read, sizes = self._of_file.get(item.record.source or "", []), _other_size(item)
        for problem in [*read, *sizes]:
            self._offer(problem.code, "keep", "drop_image")
        annotations, faults = self._of_task(item)
        for problem in [*read, *sizes, *faults]:
            if self._mends.get(problem.code) == "drop_image":
                return None, [*sizes, *faults, _image_left_out(item, problem)]
        return item.record.model_copy(update={"annotations": annotations}), [*sizes, *faults]

    def annotations(self, item: Stored) -> list[Annotation] | None:
        """Return only the annotations, None where the plan leaves the image out."""
        record, _ = self.annotated(item)
        return None if record is None else record.annotations

    def _of_task(self, item: Stored) -> tuple[list[Annotation], list[Problem]]:
        if self._task is None:
            return [], []
        record, row = item.record, item.row
        annotations, faults = self._task.annotations(row, self._class_ids, record.width, record.height)
        for fault in faults:
            self._offer(fault.code, *_actions(fault))
        unwanted = {fault.code for fault in faults if "clip" in _actions(fault)}
        unwanted = {code for code in unwanted if self._mends.get(code) == "drop"}
        if not unwanted:
            return annotations, faults
        kept, dropped = [], []
        for one in row.objects:
            single = dataclasses.replace(row, objects=(one,))
            wrong = self._task.annotations(single, self._class_ids, record.width, record.height)[1]
            reasons = [_dropped(fault) for fault in wrong if fault.code in unwanted]
            dropped += reasons
            kept += [] if reasons else [one]
        rest = dataclasses.replace(row, objects=tuple(kept))
        annotations, faults = self._task.annotations(rest, self._class_ids, record.width, record.height)
        return annotations, [*dropped, *faults]

    def _offer(self, code: str, *actions: Action) -> None:
        offered = self.actions.setdefault(code, [])
        offered += [action for action in actions if action not in offered]
        offered.sort(key=lambda action: action != "clip")


def _actions(fault: Problem) -> tuple[Action, ...]:
    """Return what can be done about something that a task found wrong, the usual first."""
    if fault.severity == "error":
        return "drop", "drop_image"
    return ("clip", "drop", "drop_image") if fault.code in CUT else ("keep", "drop_image")


def _dropped(fault: Problem) -> Problem:
    return fault.model_copy(update={"severity": "error", "message": f"{fault.message} {_AS_PLANNED}"})


def _image_left_out(item: Stored, why: Problem) -> Problem:
    message = f"{_AS_PLANNED} The reason: {why.message}"
    return Problem(severity="error", code="image_left_out", file=item.record.source, message=message)


def _other_size(item: Stored) -> list[Problem]:
    """Return a problem when the label file knows the image by another size: its pixel coordinates may not fit."""
    record, declared = item.record, item.row.size
    if not declared or 0 in declared or declared == (record.width, record.height) or item.row.place is None:
        return []
    problem = Problem(
        severity="warning",
        code="image_size_differs",
        file=printable(item.row.place.file),
        line=item.row.place.line,
        message=f"The image is said to have {declared[0]} x {declared[1]} pixels; it has"
        f" {record.width} x {record.height}. Coordinates are taken as they stand.",
        mend="Check a few boxes on the image; export the labels again for images of this size if they are off.",
    )
    return [problem]
