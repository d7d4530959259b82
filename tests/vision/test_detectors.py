import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors import StudioError
from shared.taskkit.runtime import WeightSource

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]
MOBILE = ("fasterrcnn_mobilenet_v3_large_fpn", "ssdlite320_mobilenet_v3_large")
ALL = (*MOBILE, "fasterrcnn_resnet50_fpn", "fcos_resnet50_fpn", "retinanet_resnet50_fpn", "ssd300_vgg16")
CLASSES = 3


def side(architecture: str) -> int:
    return 300 if architecture == "ssd300_vgg16" else 64


def build(architecture: str, size: int | None = None, **given):
    import torch

    from shared.vision.detectors import build_detector

    torch.manual_seed(0)
    options = {"pretrained": "none", "freeze_backbone": False, "weights": None, "lowest_score": 0.05, "most": 50}
    return build_detector(architecture, CLASSES, size or side(architecture), **{**options, **given})


def scenes(size: int, count: int = 2, *, empty: int = 0):
    """Return bright squares on noise with their boxes; the last `empty` images have none."""
    import torch

    chance = torch.Generator().manual_seed(1)
    images = torch.randn(count, 3, size, size, generator=chance) * 0.2
    targets = []
    for index in range(count):
        boxes, labels = [], []
        for label in range(1, 3) if index < count - empty else ():
            left, top = (int(value) for value in torch.randint(0, size // 2, (2,), generator=chance))
            wide = size // 3
            images[index, label - 1, top : top + wide, left : left + wide] += 2
            boxes.append([left, top, left + wide, top + wide])
            labels.append(label)
        targets.append(
            {
                "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
                "labels": torch.tensor(labels, dtype=torch.int64),
            }
        )
    return images, targets


def trained(architecture: str, steps: int, size: int | None = None, rate: float = 1e-3, **given):
    """Return a model that has seen the same scenes `steps` times, in evaluation mode."""
    import torch

    from shared.vision.detectors import detector_loss

    model = build(architecture, size, **given).train()
    optimizer = torch.optim.AdamW(model.parameters(), rate)
    rise = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 10))
    images, targets = scenes(size or side(architecture), 4)
    for _ in range(steps):
        optimizer.zero_grad()
        detector_loss(model, images, targets).backward()
        optimizer.step()
        rise.step()
    return model.eval()


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator:
    """A weights folder where any of torchvision's weights can be put under the name their address gives."""
    import torch

    kept = []

    def put(weights, state: dict) -> WeightSource:
        scratch = tmp_path / "scratch.pth"
        torch.save(state, scratch)
        name = f"{weights.name}-{hashlib.sha256(scratch.read_bytes()).hexdigest()[:8]}.pth"
        scratch.rename(tmp_path / name)
        kept.append((weights, weights._value_))
        weights._value_ = weights.value.__class__(url=f"https://example.org/{name}", transforms=None, meta={})
        return WeightSource(tmp_path, None, offline=True)

    yield put
    for weights, value in kept:
        weights._value_ = value


def random_state(architecture: str, **given) -> dict:
    """Return tensors of one of torchvision's models, their batch-norm statistics drawn too."""
    import torch
    import torchvision

    torch.manual_seed(7)
    state = torchvision.models.get_model(architecture, weights=None, **given).state_dict()
    return {name: torch.rand_like(value) if value.is_floating_point() else value for name, value in state.items()}


def backbone_weights(architecture: str):
    from shared.vision.detector_weights import _BACKBONES

    return _BACKBONES[architecture]


@pytest.mark.parametrize("architecture", ALL)
@pytest.mark.parametrize("empty", [0, 1, 2], ids=["objects", "one image without", "no objects"])
def test_losses_and_detections_with_and_without_objects(architecture, empty):
    import torch

    from shared.vision.detectors import detector_loss, validation_pass

    model, size = build(architecture).train(), side(architecture)
    images, targets = scenes(size, empty=empty)
    loss = detector_loss(model, images, targets)
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)

    value, found = validation_pass(model.eval(), images, targets)
    assert torch.isfinite(torch.stack([loss, value])).all()
    assert len(found) == 2
    for item in found:
        assert len(item["boxes"]) == len(item["scores"]) == len(item["labels"]) <= 50
        assert bool((item["scores"] >= 0.05).all())
        assert bool(((item["labels"] >= 1) & (item["labels"] <= CLASSES)).all())
        assert bool(((item["boxes"] >= 0) & (item["boxes"] <= size)).all())


@pytest.mark.parametrize("architecture", MOBILE)
def test_validation_leaves_no_trace(architecture):
    import torch

    from shared.vision.detectors import validation_pass

    model = build(architecture).eval()
    modes = [module.training for module in model.modules()]
    before, chance = {name: value.clone() for name, value in model.state_dict().items()}, torch.get_rng_state()
    images, targets = scenes(side(architecture))
    values = [validation_pass(model, images, targets)[0].item() for _ in range(2)]
    assert values[0] == values[1]
    assert torch.equal(torch.get_rng_state(), chance)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("architecture", MOBILE)
def test_validation_finds_what_the_model_finds(architecture):
    import torch

    from shared.vision.detectors import validation_pass

    model = build(architecture).eval()
    images, targets = scenes(side(architecture))
    with torch.no_grad():
        expected = model(images)
    _, found = validation_pass(model, images, targets)
    for one, other in zip(found, expected, strict=True):
        assert all(torch.equal(one[key], other[key]) for key in ("boxes", "scores", "labels"))


def test_it_learns_where_things_are():
    """Six of the eight squares at least: a few may still hide behind a neighbour of the other class."""
    from torchvision.ops import box_iou

    model = trained("ssdlite320_mobilenet_v3_large", 100, 128, rate=3e-3)
    images, targets = scenes(128, 4)
    best = []
    for item, target in zip(model(images), targets, strict=True):
        pairs = box_iou(target["boxes"], item["boxes"]) * (target["labels"][:, None] == item["labels"])
        best += pairs.max(1).values.tolist()
    assert sum(value > 0.6 for value in best) >= 6, best


@pytest.mark.parametrize("architecture", MOBILE)
def test_an_interrupted_training_goes_on_as_if_nothing_had_been(architecture):
    import torch

    from shared.vision.detectors import detector_loss

    images, targets = scenes(64, 3)

    def fresh():
        model = build(architecture).train()
        return model, torch.optim.AdamW(model.parameters(), 1e-3)

    def steps(model, optimizer, count: int) -> None:
        for _ in range(count):
            optimizer.zero_grad()
            detector_loss(model, images, targets).backward()
            optimizer.step()

    torch.set_num_threads(2)
    model, optimizer = fresh()
    steps(model, optimizer, 3)
    saved = {name: value.clone() for name, value in model.state_dict().items()}
    kept, chance = optimizer.state_dict(), torch.get_rng_state()
    kept = {**kept, "state": {key: {k: v.clone() for k, v in one.items()} for key, one in kept["state"].items()}}
    steps(model, optimizer, 3)

    resumed, optimizer = fresh()
    resumed.load_state_dict(saved)
    optimizer.load_state_dict(kept)
    torch.set_rng_state(chance)
    steps(resumed, optimizer, 3)
    assert all(torch.equal(value, resumed.state_dict()[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("architecture", ALL)
def test_imagenet_weights_reach_the_backbone(architecture, mirror):
    import torch

    backbone = backbone_weights(architecture)
    state = random_state(backbone.architecture)
    source = mirror(backbone.weights, state)
    model = build(architecture, pretrained="backbone", weights=source)
    filled = {(*tuple(value.shape), float(value.sum())) for value in model.state_dict().values() if value.ndim}
    wanted = [value for name, value in state.items() if value.ndim and not name.startswith(("classifier", "fc"))]
    found = [(*tuple(value.shape), float(value.sum())) in filled for value in wanted]
    share = sum(found) / len(found)
    assert share > 0.8 if architecture.startswith("ssdlite") else share == 1
    assert torch.isfinite(model.eval()(scenes(side(architecture))[0])[0]["boxes"]).all()


@pytest.mark.parametrize("architecture", MOBILE)
def test_a_coco_detector_is_taken_but_for_its_classes(architecture, mirror):
    import torch
    import torchvision

    state = random_state(architecture, weights_backbone=None)
    weights = torchvision.models.get_model_weights(architecture).DEFAULT
    own = build(architecture, pretrained="detector", weights=mirror(weights, state)).state_dict()
    fresh = {name for name, value in own.items() if value.shape != state[name].shape}
    assert all(torch.equal(value, state[name]) for name, value in own.items() if name not in fresh)
    assert all(
        part in name
        for name in fresh
        for part in [".box_predictor." if "roi_heads" in name else ".cls_logits."]
        if part in name
    )
    assert 0 < len(fresh) < 20


def test_weights_of_another_model_are_said(mirror):
    weights = backbone_weights(MOBILE[0]).weights
    source = mirror(weights, random_state("resnet18"))
    with pytest.raises(StudioError) as caught:
        build(MOBILE[0], pretrained="backbone", weights=source)
    assert caught.value.code == "weights_do_not_fit"


@pytest.mark.parametrize("freeze", [False, True])
@pytest.mark.parametrize("architecture", MOBILE)
def test_what_was_pretrained_keeps_its_statistics_and_if_asked_all(architecture, freeze):
    import torch

    from shared.vision.backbones import keep_frozen_statistics
    from shared.vision.detectors import detector_loss

    model = build(architecture, pretrained="detector", freeze_backbone=freeze).train()
    keep_frozen_statistics(model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 1e-3)
    detector_loss(model, *scenes(64)).backward()
    optimizer.step()
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    inside = {name for name in changed if name.startswith(("backbone.body.", "backbone.features."))}
    assert changed - inside
    assert bool(inside) is not freeze
    assert not {name for name in inside if "running" in name}


@pytest.mark.parametrize("architecture", MOBILE)
def test_images_are_seen_as_the_published_weights_expect_them(architecture):
    """The same picture through torchvision's own transform and through ours."""
    import torch
    import torchvision

    from shared.vision.augment import MEAN, STD

    picture = torch.rand(1, 3, 320, 320)
    ours = (picture - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    plain = torchvision.models.get_model(architecture, weights=None, weights_backbone=None)
    expected = plain.transform.normalize(picture[0])
    seen, _ = build(architecture, 320, pretrained="detector").transform(ours)
    assert torch.allclose(seen.tensors[0], expected, atol=1e-5)
