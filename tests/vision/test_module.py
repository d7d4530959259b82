"""The training loop itself, with a model small enough to calculate by hand."""

from types import SimpleNamespace
from typing import Any

import pytest

from shared.taskkit.parameters import TrainParams

pytestmark = pytest.mark.slow


class Line:
    """A task whose model is a line through points, its loss their mean squared distance."""

    def validation_metrics(self, blueprint: Any) -> Any:
        import torch

        class Nothing(torch.nn.Module):
            def compute(self) -> dict[str, Any]:
                return {}

            def reset(self) -> None:
                pass

        return Nothing()

    def training_loss(self, model: Any, content: Any, blueprint: Any) -> Any:
        return ((model(content[:, :3]) - content[:, 3:]) ** 2).mean()

    def validate(self, model: Any, content: Any, metrics: Any, blueprint: Any) -> Any:
        return self.training_loss(model, content, blueprint)


def points() -> Any:
    import torch

    return torch.randn(20, 4, generator=torch.Generator().manual_seed(7))


def fitted(batch_size: int, epochs: int = 2, **given: Any) -> Any:
    """Return the module after it has learned the points, validated on them after each epoch."""
    import torch
    from lightning.pytorch.callbacks import Callback
    from torch.utils.data import DataLoader

    from shared.vision.data import Batch
    from shared.vision.module import TrainingModule
    from shared.vision.trainer import make_trainer, quiet_lightning

    torch.manual_seed(1)
    params = TrainParams.model_validate({"epochs": epochs, "batch_size": batch_size, **given})
    batches = [Batch(len(part), 0, part) for part in points().split(batch_size)]
    loader = DataLoader(batches, batch_size=None)
    blueprint = SimpleNamespace(params=params)
    module = TrainingModule(Line(), blueprint, torch.nn.Linear(3, 1), len(batches))
    trainer = make_trainer(torch.device("cpu"), epochs, params, Callback(), validates=True)
    with quiet_lightning():
        trainer.fit(module, train_dataloaders=loader, val_dataloaders=loader)
    return module


def mean_loss(model: Any) -> float:
    return float(Line().training_loss(model, points(), None).detach())


def test_validation_uses_the_averaged_weights_and_training_goes_on_with_its_own():
    import torch

    plain, averaged = fitted(4, learning_rate=0.1), fitted(4, learning_rate=0.1, ema=True)
    assert all(torch.equal(a, b) for a, b in zip(plain.model.parameters(), averaged.model.parameters(), strict=True))
    trained = mean_loss(averaged.model)
    assert plain.validation_results()["val_loss"] == pytest.approx(trained)
    averaged.average.swap(averaged.model)
    assert averaged.validation_results()["val_loss"] == pytest.approx(mean_loss(averaged.model))
    assert mean_loss(averaged.model) != pytest.approx(trained)
    assert averaged.average.updates == 10
    assert set(averaged.state_dict()) == {"model.weight", "model.bias"}


def test_the_average_is_what_its_formula_says():
    import torch

    from shared.vision.averaging import MovingAverage

    model = torch.nn.BatchNorm1d(1)
    average = MovingAverage(model, 0.15)
    expected = 1.0
    for update, value in enumerate([3.0, -2.0, 5.0]):
        with torch.no_grad():
            model.weight.fill_(value)
        model.running_var.fill_(value)
        model.num_batches_tracked.fill_(update)
        average.update(model)
        kept = min(0.15, (1 + update) / (10 + update))
        expected = kept * expected + (1 - kept) * value
        assert average.weights["weight"].item() == pytest.approx(expected)
        assert average.weights["running_var"].item() == pytest.approx(expected)
        assert average.weights["num_batches_tracked"].item() == update


@pytest.mark.parametrize("wanted", [True, False])
def test_repeatable_operations_are_asked_for_where_the_person_does(wanted: bool):
    import torch

    try:
        fitted(10, epochs=1, deterministic=wanted)
        assert torch.are_deterministic_algorithms_enabled() is wanted
        assert torch.is_deterministic_algorithms_warn_only_enabled() is wanted
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_accumulated_batches_are_one_large_batch(optimizer: str):
    """Twenty points are updates of 8, 8 and 4 each way, so that batches left over at the end count too."""
    import torch

    given = {"optimizer": optimizer, "learning_rate": 0.05, "clip_norm": 0.5}
    large = fitted(8, **given)
    for batch_size, accumulate in ((4, 2), (2, 4)):
        small = fitted(batch_size, accumulate=accumulate, **given)
        for ours, theirs in zip(small.model.parameters(), large.model.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs)
        assert small.trainer.global_step == large.trainer.global_step == 6
