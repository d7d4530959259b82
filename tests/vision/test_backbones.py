import hashlib
from pathlib import Path

import pytest

from shared.errors import StudioError
from shared.taskkit.runtime import WeightSource

pytestmark = pytest.mark.slow
ARCHITECTURES = ("mobilenet_v3_small", "resnet18")


def build(architecture: str, **given):
    from shared.vision.backbones import build_classifier

    options = {"pretrained": False, "freeze_backbone": False, "weights": None, **given}
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
        return WeightSource(tmp_path, offline=True), model.state_dict()

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


def test_weights_that_cannot_be_downloaded_are_said(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def no_network(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("torch.hub.urlopen", no_network)
    with pytest.raises(StudioError) as caught:
        build("resnet18", pretrained=True, weights=WeightSource(None, offline=False))
    assert caught.value.code == "weights_unavailable"
    assert "no route to host" in caught.value.message


@pytest.mark.parametrize("architecture", ARCHITECTURES)
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
    assert changed == {"classifier" if architecture.startswith("mobilenet") else "fc"}
