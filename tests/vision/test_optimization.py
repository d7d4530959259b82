"""Schedules against torch's own classes."""

import pytest

from shared.taskkit.parameters import TrainParams

pytestmark = pytest.mark.slow
EPOCHS, STEPS = 8, 5


def make(**given):
    import torch

    from shared.vision.optimization import make_optimizer, make_schedule

    params = TrainParams.model_validate({"epochs": EPOCHS, "warmup_epochs": 0, "learning_rate": 0.1, **given})
    optimizer = make_optimizer([torch.nn.Parameter(torch.ones(2))], params)
    return optimizer, make_schedule(optimizer, params, STEPS)


def rates(optimizer, schedule, *, every: int = 1) -> list[float]:
    found = []
    for step in range(EPOCHS * STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if (step + 1) % every == 0:
            schedule.step()
    return found


def torchs(make_theirs):
    import torch

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], 0.1)
    return optimizer, make_theirs(torch.optim.lr_scheduler, optimizer)


TOTAL = EPOCHS * STEPS
REFERENCES = {
    "cosine": ({}, lambda kit, opt: kit.CosineAnnealingLR(opt, TOTAL), 1),
    "polynomial": ({"power": 2}, lambda kit, opt: kit.PolynomialLR(opt, TOTAL, 2), 1),
    "step": ({"step_size": 3, "gamma": 0.5}, lambda kit, opt: kit.StepLR(opt, 3, 0.5), STEPS),
    "multistep": ({"milestones": [2, 5], "gamma": 0.5}, lambda kit, opt: kit.MultiStepLR(opt, [2, 5], 0.5), STEPS),
    "one_cycle": ({}, lambda kit, opt: kit.OneCycleLR(opt, 0.1, TOTAL, cycle_momentum=False), 1),
    "none": ({}, lambda kit, opt: kit.ConstantLR(opt, 1.0), 1),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_a_schedule_is_torchs_own(name: str):
    given, make_theirs, every = REFERENCES[name]
    assert rates(*make(scheduler=name, **given)) == pytest.approx(rates(*torchs(make_theirs), every=every))


def test_a_plateau_lowers_the_rate_as_torch_does():
    from shared.vision.optimization import lower_on_plateau

    optimizer, schedule = make(scheduler="plateau", plateau_patience=1, plateau_factor=0.5)
    reference, theirs = torchs(
        lambda kit, opt: kit.ReduceLROnPlateau(opt, mode="max", factor=0.5, patience=1, threshold=0)
    )
    for metric in (0.1, 0.3, 0.2, 0.3, 0.3, 0.25, 0.5, 0.5, 0.4, 0.1):
        lower_on_plateau(schedule, metric, higher_is_better=True)
        theirs.step(metric)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(reference.param_groups[0]["lr"])
    lower_on_plateau(schedule, None, higher_is_better=True)


@pytest.mark.parametrize("name", ["cosine", "polynomial", "step", "multistep", "plateau", "none"])
def test_warm_up_rises_in_a_line_to_the_top(name: str):
    found = rates(*make(scheduler=name, warmup_epochs=1, step_size=7, milestones=[6]))
    assert found[:STEPS] == pytest.approx([0.1 * (step + 1) / 6 for step in range(STEPS)])
    assert max(found) == pytest.approx(0.1)


@pytest.mark.parametrize("name", [*REFERENCES, "plateau"])
@pytest.mark.parametrize("epochs", [1, 2])
def test_the_shortest_trainings_have_rates_too(name: str, epochs: int):
    from shared.vision.optimization import Schedule

    params = TrainParams.model_validate({"epochs": epochs, "scheduler": name, "one_cycle_rise": 0.5})
    assert all(0 <= Schedule(params, 1)(step) <= 1 for step in range(epochs + 1))


def test_the_optimizers_are_what_they_are_called():
    import torch

    assert type(make(optimizer="adam")[0]) is torch.optim.Adam
    assert type(make(optimizer="adamw")[0]) is torch.optim.AdamW
    assert make(optimizer="sgd", nesterov=True, momentum=0.8)[0].defaults["nesterov"]
