"""torchvision's classification networks with a head of our own size."""

from typing import Final

import torchvision
from torch import Tensor, nn
from torch.nn import functional

from shared.taskkit.runtime import WeightSource
from shared.vision.weights import pretrained_weights

_SCRATCH_MOMENTUM: Final = 0.1


def build_classifier(
    architecture: str,
    outputs: int,
    *,
    dropout: float,
    pretrained: bool,
    freeze_backbone: bool,
    weights: WeightSource | None,
) -> nn.Module:
    """Return a torchvision classification model with `outputs` logits.

    Args:
        architecture: a name that torchvision's model registry knows.
        outputs: size of the last layer.
        dropout: share of the features that are left out in front of the last layer while it trains.
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
    head = _fit_head(model, outputs, dropout)
    if freeze_backbone:
        for name, parameter in model.named_parameters():
            parameter.requires_grad = name.startswith(f"{head}.")
    return model


def keep_frozen_statistics(model: nn.Module) -> None:
    """Put batch-norm layers whose weights are frozen into evaluation mode, so that their statistics stay too."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and not any(
            p.requires_grad for p in module.parameters()
        ):
            module.eval()


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


def _fit_head(model: nn.Module, outputs: int, dropout: float) -> str:
    """Give the last layer `outputs` features behind a dropout; return the name of the top-level module that holds it.

    Heads that come with a dropout keep it in its place. Others get one that has no name in the model's state.
    """
    layers: dict[str, nn.Linear] = {
        name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)
    }
    name = list(layers)[-1]
    head = name.partition(".")[0]
    published = [module for module in model.get_submodule(head).modules() if isinstance(module, nn.Dropout)]
    for module in published:
        module.p = dropout
    model.set_submodule(name, _Head(layers[name].in_features, outputs, 0.0 if published else dropout))
    return head


class _Head(nn.Linear):
    """A linear layer that leaves out a share of its input features while it trains (Srivastava et al. 2014)."""

    def __init__(self, features: int, outputs: int, dropout: float) -> None:
        super().__init__(features, outputs)
        self._dropout = dropout

    def forward(self, features: Tensor) -> Tensor:
        if self._dropout:
            features = functional.dropout(features, self._dropout, self.training)
        return super().forward(features)
