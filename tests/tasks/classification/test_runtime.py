import math
from datetime import UTC, datetime

import pytest

from shared.schemas.annotations import LabelAnnotation
from shared.schemas.dataset import ImageRecord, Legend
from shared.taskkit.parameters import EvaluationOptions
from shared.taskkit.runtime import Blueprint, TaskRuntime
from tests.support.generated import classes

pytestmark = pytest.mark.slow
OPTIONS = EvaluationOptions()


@pytest.fixture
def runtime() -> TaskRuntime:
    from shared.tasks.classification.runtime import RUNTIME

    return RUNTIME


@pytest.fixture
def blueprint() -> Blueprint:
    """Three classes with the ids 1, 3 and 5."""
    return Blueprint.of("classification", "resnet18", {"image_size": 64}, Legend(classes=classes(3)))


def record(label: int | None) -> ImageRecord:
    return ImageRecord(
        id="0" * 16,
        filename="a.jpg",
        width=8,
        height=8,
        bytes=1,
        format="JPEG",
        sha256="0" * 64,
        imported_at=datetime.now(UTC),
        annotations=[] if label is None else [LabelAnnotation(class_id=label)],
    )


def judged(runtime: TaskRuntime, blueprint: Blueprint, pairs: list[tuple[int | None, int]]):
    ids = [item.id for item in blueprint.classes]
    for truth, chosen in pairs:
        probabilities = [0.8 if class_id == chosen else 0.1 for class_id in ids]
        prediction = {"probabilities": probabilities, "class_id": chosen}
        yield runtime.score(record(truth), "test", prediction, blueprint, OPTIONS)


def test_a_result_tells_right_from_wrong_and_how_wrong(runtime, blueprint):
    right, wrong, unknown = judged(runtime, blueprint, [(3, 3), (3, 1), (None, 1)])
    assert (right.correct, right.confidence, right.error) == (True, 0.8, pytest.approx(-math.log(0.8)))
    assert (wrong.correct, wrong.true_classes, wrong.predicted_classes) == (False, [3], [1])
    assert wrong.error == pytest.approx(-math.log(0.1))
    assert (unknown.correct, unknown.error, unknown.true_classes) == (None, 0.0, [])


def test_totals_by_hand(runtime, blueprint):
    pairs = [(1, 1), (1, 1), (1, 3), (3, 3), (3, 1), (None, 5)]
    totals = runtime.aggregate(list(judged(runtime, blueprint, pairs)), blueprint, OPTIONS)
    assert totals.details["confusion_matrix"] == [[2, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert totals.metrics == pytest.approx(
        {"accuracy": 3 / 5, "macro_precision": (2 / 3 + 1 / 2) / 2, "macro_recall": (2 / 3 + 1 / 2) / 2}
        | {"macro_f1": (2 / 3 + 1 / 2) / 2}
    )
    first, _, absent = totals.details["per_class"]
    assert first == pytest.approx({"class_id": 1, "precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "support": 3})
    assert absent == {"class_id": 5, "precision": None, "recall": None, "f1": None, "support": 0}


def test_a_class_that_occurs_and_is_never_predicted_counts_zero(runtime, blueprint):
    totals = runtime.aggregate(list(judged(runtime, blueprint, [(1, 1), (3, 1)])), blueprint, OPTIONS)
    assert totals.metrics["macro_precision"] == pytest.approx((1 / 2 + 0) / 2)
    assert totals.details["per_class"][1]["precision"] is None


def test_totals_of_nothing(runtime, blueprint):
    totals = runtime.aggregate([], blueprint, OPTIONS)
    assert set(totals.metrics.values()) == {None}
    assert totals.details["confusion_matrix"] == [[0] * 3] * 3


def test_targets_follow_the_order_of_the_classes_not_their_ids(runtime, blueprint):
    assert [runtime.encode(record(label), blueprint) for label in (1, 3, 5)] == [0, 1, 2]
    assert runtime.learnable(record(3))
    assert not runtime.learnable(record(None))


def test_a_blueprint_survives_being_stored(blueprint):
    assert Blueprint.from_stored(blueprint.stored()) == blueprint


def test_agreement(runtime, blueprint):
    ours = {"probabilities": [0.5, 0.25, 0.25], "class_id": 1}
    theirs = {"probabilities": [0.25, 0.5, 0.25], "class_id": 3}
    assert runtime.compare(ours, ours, blueprint).difference == 0
    assert runtime.compare(ours, ours, blueprint).same_decision
    assert runtime.compare(ours, theirs, blueprint).difference == 0.25
    assert not runtime.compare(ours, theirs, blueprint).same_decision
