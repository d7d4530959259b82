"""torchvision's classification networks with a head of our own size."""

import hashlib
import re
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlparse

import torch
import torchvision
from torch import nn
from torchvision.models import WeightsEnum

from shared.errors import StudioError, Unavailable
from shared.taskkit.runtime import WeightSource

_HASH_IN_NAME: Final = re.compile(r"-([0-9a-f]{8,})\.")
_SCRATCH_MOMENTUM: Final = 0.1


def build_classifier(
    architecture: str, outputs: int, *, pretrained: bool, freeze_backbone: bool, weights: WeightSource | None
) -> nn.Module:
    """Return a torchvision classification model with `outputs` logits.

    Args:
        architecture: a name that torchvision's model registry knows.
        outputs: size of the last layer.
        pretrained: whether its training starts from ImageNet weights.
        freeze_backbone: train only the top-level module that holds the last layer.
        weights: where ImageNet weights come from; None when a checkpoint will fill the model.

    Raises:
        StudioError: the weights cannot be had.
    """
    model: nn.Module = torchvision.models.get_model(architecture, weights=None)
    if not pretrained:
        quicken_statistics(model)
        silence_residuals(model)
    elif weights is not None:
        model.load_state_dict(pretrained_weights(architecture, weights))
    head = _replace_last_linear(model, outputs)
    if freeze_backbone:
        for name, parameter in model.named_parameters():
            parameter.requires_grad = name.startswith(f"{head}.")
    return model


def pretrained_weights(architecture: str, source: WeightSource) -> dict[str, Any]:
    """Return torchvision's default weights of `architecture`: from the folder if it has the file, else downloaded.

    Raises:
        StudioError: `weights_unavailable`, or `weights_damaged` for a file that is not what its name says.
    """
    return fetched(torchvision.models.get_model_weights(architecture).DEFAULT, source)


def fetched(weights: WeightsEnum, source: WeightSource) -> dict[str, Any]:
    """Return the tensors of one of torchvision's weights, as `pretrained_weights` does."""
    name = Path(urlparse(weights.url).path).name
    if source.folder is not None and (path := source.folder / name).is_file():
        return _read_weights(path)
    if source.offline:
        raise _unavailable(name, weights.url, "downloads are switched off")
    try:
        downloaded: dict[str, Any] = weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:
        raise _unavailable(name, weights.url, f"the download failed ({error})") from error
    return downloaded


def keep_frozen_statistics(model: nn.Module) -> None:
    """Put batch-norm layers whose weights are frozen into evaluation mode, so that their statistics stay too."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and not any(
            p.requires_grad for p in module.parameters()
        ):
            module.eval()


def _read_weights(path: Path) -> dict[str, Any]:
    expected = _HASH_IN_NAME.search(path.name)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if expected and not digest.startswith(expected[1]):
        raise StudioError(
            "weights_damaged",
            f"The weight file {path.name} is damaged: its content does not match the hash in its name.",
            hint="Copy the file into the weights folder again.",
        )
    found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return found


def _unavailable(name: str, url: str, why: str) -> Unavailable:
    return Unavailable(
        "weights_unavailable",
        f"The pretrained weights {name} are not in the weights folder, and {why}.",
        hint=f"Put the file from {url} into the folder AI_STUDIO_WEIGHTS names, or train without pretrained weights.",
    )


def quicken_statistics(model: nn.Module) -> None:
    """Let batch-norm statistics follow quickly when training from scratch.

    Some published networks keep them nearly still (momentum 0.01), which suits the hundred thousands of steps of
    ImageNet; after a few hundred steps such a network would be validated with statistics of its random start.
    """
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = max(module.momentum or 0.0, _SCRATCH_MOMENTUM)


def silence_residuals(model: nn.Module) -> None:
    """Let inverted residual blocks begin as identities: the scale of their last batch-norm is zero (Goyal et al. 2017).

    The network then starts shallow, and learns in the few steps a small dataset gives it.
    """
    for block in model.modules():
        if getattr(block, "use_res_connect", False):
            norms = [module for module in block.modules() if isinstance(module, nn.BatchNorm2d)]
            nn.init.zeros_(norms[-1].weight)


def _replace_last_linear(model: nn.Module, outputs: int) -> str:
    """Give the last linear layer `outputs` features; return the name of the top-level module that holds it."""
    layers: dict[str, nn.Linear] = {
        name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)
    }
    name = list(layers)[-1]
    model.set_submodule(name, nn.Linear(layers[name].in_features, outputs))
    return name.partition(".")[0]
