import hashlib
from pathlib import Path

import pytest

from shared.errors import StudioError
from shared.taskkit.backbones import BACKBONES, BackboneParams
from shared.taskkit.runtime import WeightSource

pytestmark = pytest.mark.slow
ARCHITECTURES = [item.id for item in BACKBONES]
FAMILIES = ("mobilenet_v3_small", "resnet18", "efficientnet_b0")


def build(architecture: str, **given):
    from shared.vision.backbones import build_classifier

    options = {"dropout": 0.0, "pretrained": False, "freeze_backbone": False, "weights": None, **given}
    return build_classifier(architecture, 5, **options)


@pytest.fixture
def mirror(tmp_path: Path):
    """A weights folder with a random file under the name torchvision gives the real one."""
    import torch
    import torchvision

    def make(architecture: str, *, damaged: bool = False) -> tuple[WeightSource, dict]:
        model = torchvision.models.get_model(architecture, weights=None)
        scratch = tmp_path / "scratch.pth"
        torch.save(model.state_dict(), scratch)
        digest = hashlib.sha256(scratch.read_bytes()).hexdigest()
        name = f"{architecture}-{'0' * 8 if damaged else digest[:8]}.pth"
        scratch.rename(tmp_path / name)
        weights = torchvision.models.get_model_weights(architecture).DEFAULT
        patched = weights.value.__class__(url=f"https://example.org/{name}", transforms=None, meta={})
        weights._value_ = patched
        return WeightSource(tmp_path, None, offline=True), model.state_dict()

    kept = [
        (weights, weights._value_)
        for weights in (torchvision.models.get_model_weights(name).DEFAULT for name in ARCHITECTURES)
    ]
    yield make
    for weights, value in kept:
        weights._value_ = value


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_head_has_the_size_asked_for(architecture):
    import torch

    assert build(architecture).eval()(torch.zeros(2, 3, 64, 64)).shape == (2, 5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_weights_come_from_the_folder(architecture, mirror):
    import torch

    source, expected = mirror(architecture)
    state = build(architecture, pretrained=True, weights=source).state_dict()
    same = [name for name, value in state.items() if value.shape == expected[name].shape]
    assert len(same) == len(state) - 2
    assert all(torch.equal(state[name], expected[name]) for name in same)


def test_damaged_weights_are_said(mirror):
    source, _ = mirror("resnet18", damaged=True)
    with pytest.raises(StudioError) as caught:
        build("resnet18", pretrained=True, weights=source)
    assert caught.value.code == "weights_damaged"


@pytest.mark.parametrize("row", BACKBONES, ids=lambda row: row.id)
def test_a_row_tells_what_torchvision_publishes(row):
    import torch
    import torchvision

    with torch.device("meta"):
        model = torchvision.models.get_model(row.id, weights=None)
    weights = torchvision.models.get_model_weights(row.id).DEFAULT
    assert sum(parameter.numel() for parameter in model.parameters()) == row.parameters
    assert weights.meta["num_params"] == row.parameters
    assert weights.transforms.keywords["crop_size"] == row.input_size
    params = BackboneParams.model_validate(dict(row.overrides))
    assert abs(params.image_size - row.input_size) <= 16
    published = [module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)] or [0.0]
    assert published == [pytest.approx(params.dropout)]


@pytest.mark.parametrize("architecture", FAMILIES)
def test_dropout_works_while_training_only(architecture):
    import torch

    model = build(architecture, dropout=0.5)
    head = model.fc if hasattr(model, "fc") else model.classifier
    features = torch.rand(1, next(item.in_features for item in head.modules() if isinstance(item, torch.nn.Linear)))
    assert not torch.equal(head.train()(features.clone()), head(features.clone()))
    assert torch.equal(head.eval()(features.clone()), head(features.clone()))
    assert model.state_dict().keys() == build(architecture).state_dict().keys()


@pytest.mark.parametrize("architecture", FAMILIES)
def test_a_frozen_backbone_learns_nothing_not_even_statistics(architecture):
    import torch

    from shared.vision.backbones import keep_frozen_statistics

    model = build(architecture, freeze_backbone=True).train()
    keep_frozen_statistics(model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    model(torch.randn(4, 3, 64, 64)).sum().backward()
    torch.optim.SGD(trained, 0.1).step()
    changed = {
        name.partition(".")[0] for name, value in model.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed == {"fc" if architecture.startswith("resnet") else "classifier"}
