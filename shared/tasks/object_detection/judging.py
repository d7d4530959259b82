"""Which detections are right, which false, and which objects were missed, at a score and an IoU."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shared.schemas.annotations import Annotation, BoxAnnotation
from shared.taskkit.boxes import IGNORED, NOTHING, match
from shared.taskkit.runtime import Prediction
from shared.tasks.object_detection.spec import Options

_VERDICTS: Final = {NOTHING: "false", IGNORED: "ignored"}


def judge(prediction: Prediction, truth: Sequence[BoxAnnotation], options: Options) -> dict[str, Any]:
    """Return a judgement of an image.

    `verdicts` tells of each detection with at least the options' score, best first, whether it is "right", "false" or
    "ignored" (inside a crowd); `missed` lists the indices of the objects nobody found. Crowds are never missed.
    """
    count = sum(score >= options.score for score in prediction["scores"])
    found = match(
        prediction["boxes"][:count],
        prediction["class_ids"][:count],
        prediction["scores"][:count],
        [item.bbox for item in truth],
        [item.class_id for item in truth],
        [item.iscrowd for item in truth],
        least_iou=options.iou,
    )
    return {
        "verdicts": [_VERDICTS.get(at, "right") for at in found.truth_of.tolist()],
        "missed": found.missed.tolist(),
    }


@dataclass
class Counts:
    """Right and false detections and missed objects, by class id."""

    right: Counter[int] = field(default_factory=Counter)
    false: Counter[int] = field(default_factory=Counter)
    missed: Counter[int] = field(default_factory=Counter)

    def add(self, class_ids: Sequence[int], truth: Sequence[BoxAnnotation], judgement: dict[str, Any]) -> None:
        """Count an image: the classes of its detections, its objects, and the judgement of both."""
        for verdict, class_id in zip(judgement["verdicts"], class_ids, strict=False):
            self.right[class_id] += verdict == "right"
            self.false[class_id] += verdict == "false"
        self.missed.update(truth[at].class_id for at in judgement["missed"])

    def precision(self, class_ids: Iterable[int]) -> float | None:
        """Return the share of the detections of some classes that are right; None without any."""
        right, false = (sum(counter[item] for item in class_ids) for counter in (self.right, self.false))
        return right / (right + false) if right + false else None

    def recall(self, class_ids: Iterable[int]) -> float | None:
        """Return the share of the objects of some classes that are found; None without any."""
        right, missed = (sum(counter[item] for item in class_ids) for counter in (self.right, self.missed))
        return right / (right + missed) if right + missed else None


def boxes_of(annotations: Iterable[Annotation]) -> list[BoxAnnotation]:
    """Return the annotated boxes of an image, crowds among them."""
    return [item for item in annotations if isinstance(item, BoxAnnotation)]


def area_of(item: BoxAnnotation) -> float:
    """Return the pixels an object covers: as its source says, else those of its box."""
    return item.bbox[2] * item.bbox[3] if item.area is None else item.area
