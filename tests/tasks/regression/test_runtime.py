import math
from datetime import UTC, datetime

import numpy as np
import pytest

from shared.errors import StudioError
from shared.schemas.annotations import ValueAnnotation
from shared.schemas.dataset import ImageRecord, Legend, TargetInfo
from shared.taskkit.parameters import EvaluationOptions
from shared.taskkit.runtime import Blueprint, TaskRuntime

pytestmark = pytest.mark.slow
OPTIONS = EvaluationOptions()
TWO = Legend(targets=[TargetInfo(name="weight", unit="kg"), TargetInfo(name="angle", unit="deg")])
ONE = Legend(targets=TWO.targets[:1])


@pytest.fixture
def runtime() -> TaskRuntime:
    from shared.tasks.regression.runtime import RUNTIME

    return RUNTIME


def blueprint(legend: Legend, mean: list[float], std: list[float], **params) -> Blueprint:
    made = Blueprint.of("regression", "resnet18", {"image_size": 64, **params}, legend)
    return Blueprint(made.spec, made.architecture, made.params, legend, {"mean": mean, "std": std})


def record(*values: float) -> ImageRecord:
    return ImageRecord(
        id="0" * 16,
        filename="a.jpg",
        width=8,
        height=8,
        bytes=1,
        format="JPEG",
        sha256="0" * 64,
        imported_at=datetime.now(UTC),
        annotations=[ValueAnnotation(values=list(values))] if values else [],
    )


def totals(runtime: TaskRuntime, made: Blueprint, pairs: list[tuple[tuple[float, ...], tuple[float, ...]]]):
    results = [runtime.score(record(*truth), "test", {"values": list(said)}, made, OPTIONS) for truth, said in pairs]
    return runtime.aggregate(results, made, OPTIONS)


def test_targets_are_learned_in_standard_deviations_of_the_train_subset(runtime):
    made = Blueprint.of("regression", "resnet18", {}, TWO)
    facts = runtime.study([record(1, 10), record(3, 30)], made)
    assert facts == {"mean": [2.0, 20.0], "std": [1.0, 10.0]}
    assert runtime.encode(record(4, 0), blueprint(TWO, **facts)) == [2.0, -2.0]


def test_a_target_that_never_changes_cannot_be_learned(runtime):
    with pytest.raises(StudioError, match="angle is 5 in every image") as caught:
        runtime.study([record(1, 5), record(3, 5)], Blueprint.of("regression", "resnet18", {}, TWO))
    assert caught.value.code == "constant_target"


def test_predictions_and_exports_speak_in_real_units(runtime):
    import torch
    from torch import nn

    made = blueprint(TWO, [100.0, 45.0], [20.0, 15.0])
    model = nn.Linear(3, 2)
    with torch.no_grad():
        model.weight.zero_()
        model.bias.copy_(torch.tensor([1.0, -2.0]))
    assert runtime.predict(model, torch.zeros(1, 3), [record()], made) == [{"values": [120.0, 15.0]}]
    assert runtime.export_view(model, made).module(torch.zeros(2, 3)).tolist() == [[120.0, 15.0]] * 2


@pytest.mark.parametrize(
    ("loss", "expected"),
    [("mse", (1 + 9) / 2), ("l1", (1 + 3) / 2), ("huber", (0.5 * 1 + 2 * (3 - 1)) / 2)],
)
def test_losses_by_hand(runtime, loss, expected):
    import torch
    from torch import nn

    made = blueprint(TWO, [0.0, 0.0], [1.0, 1.0], loss=loss, huber_delta=2.0)
    batch = torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 0.0]])
    assert float(runtime.training_loss(nn.Identity(), batch, made)) == pytest.approx(expected)


def test_metrics_of_one_target_by_hand(runtime):
    made = blueprint(ONE, [0.0], [2.0])
    found = totals(runtime, made, [((1.0,), (1.5,)), ((2.0,), (2.0,)), ((3.0,), (4.0,)), ((), (9.0,))])
    assert found.metrics == pytest.approx(
        {"mae": 0.5, "mse": 1.25 / 3, "rmse": math.sqrt(1.25 / 3), "median_ae": 0.5, "r2": 1 - 1.25 / 2}
    )
    assert found.details["image_count"] == 3, "an image without a number is not judged"


def test_numbers_in_different_units_have_no_mean_but_each_has_its_own_figures(runtime):
    made = blueprint(TWO, [0.0, 0.0], [1.0, 1.0])
    found = totals(runtime, made, [((0.0, 10.0), (0.0, 20.0)), ((2.0, 30.0), (2.0, 30.0))])
    assert found.metrics == {"r2": pytest.approx((1.0 + 0.5) / 2), **dict.fromkeys(("mae", "mse", "rmse", "median_ae"))}
    weight, angle = found.details["per_target"]
    assert (weight["mae"], weight["r2"]) == (0.0, 1.0)
    assert (angle["mae"], angle["mse"], angle["median_ae"]) == (5.0, 50.0, 5.0)


@pytest.mark.parametrize("pairs", [[], [((1.0,), (2.0,))], [((1.0,), (2.0,)), ((1.0,), (1.0,))]])
def test_nothing_varies_so_nothing_is_explained(runtime, pairs):
    assert totals(runtime, blueprint(ONE, [0.0], [1.0]), pairs).metrics["r2"] is None


def test_metrics_agree_with_numpy_on_random_numbers():
    from shared.tasks.regression.metrics import target_metrics

    chance = np.random.default_rng(3)
    truth = chance.normal(50, 10, 501)
    found = truth + chance.normal(1, 4, 501)
    off = found - truth
    assert target_metrics(found, truth) == pytest.approx(
        {
            "r2": 1 - (off**2).sum() / ((truth - truth.mean()) ** 2).sum(),
            "mae": np.abs(off).mean(),
            "mse": (off**2).mean(),
            "rmse": np.sqrt((off**2).mean()),
            "median_ae": np.median(np.abs(off)),
        }
    )


def test_validation_gathers_batches_in_real_units(runtime):
    import torch
    from torch import nn

    made = blueprint(ONE, [10.0], [2.0])
    metrics = runtime.validation_metrics(made)
    for found, truth in (([0.0], [0.0]), ([1.0], [0.0])):
        runtime.validate(nn.Identity(), (torch.tensor([found]), torch.tensor([truth])), metrics, made)
    values = metrics.compute()
    assert float(values["mae"]) == pytest.approx(1.0), "one standard deviation is 2 units; the mean of 0 and 2 is 1"
    assert math.isnan(float(values["r2"]))
    metrics.reset()


def test_the_error_of_an_image_is_in_standard_deviations(runtime):
    result = runtime.score(record(1, 10), "test", {"values": [3.0, 10.0]}, blueprint(TWO, [0, 0], [2.0, 5.0]), OPTIONS)
    assert (result.error, result.correct, result.confidence) == (0.5, None, None)


def test_agreement_is_measured_in_standard_deviations(runtime):
    made = blueprint(TWO, [0, 0], [100.0, 1.0])
    close = runtime.compare({"values": [1.0, 1.0]}, {"values": [1.05, 1.0]}, made)
    assert (close.difference, close.same_decision) == (pytest.approx(0.0005), True)
    assert not runtime.compare({"values": [1.0, 1.0]}, {"values": [1.0, 1.05]}, made).same_decision


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e12])
def test_the_explained_share_does_not_depend_on_the_unit(scale):
    from shared.tasks.regression.metrics import target_metrics

    truth = np.array([1.0, 2.0, 3.0, 4.0]) * scale
    assert target_metrics(np.full(4, truth.mean()), truth)["r2"] == pytest.approx(0)
    assert target_metrics(truth[::-1].copy(), truth)["r2"] == pytest.approx(-3)
    assert target_metrics(truth, truth)["r2"] == 1


def test_a_large_mean_does_not_hide_the_errors_of_a_validation(runtime):
    import torch

    made = blueprint(ONE, [1.7e9], [30.0])
    metrics = runtime.validation_metrics(made)
    truth = torch.tensor([[-1.0], [0.0], [1.0]])
    runtime.validate(lambda _: truth + 0.5, (torch.zeros(3, 3, 8, 8), truth), metrics, made)
    assert float(metrics.compute()["mae"]) == pytest.approx(15)
