"""A moving average of a model's weights."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class MovingAverage:
    """The exponential moving average of all floating-point weights and buffers (Polyak & Juditsky 1992, as in EMA).

    Its decay grows with the updates, min(decay, (1 + n) / (10 + n)), so that the first weights, which are hardly
    trained, are soon forgotten (as in TensorFlow's `ExponentialMovingAverage`). What is not floating-point is taken
    as it is. A plain object, kept out of a module's registry, so that it is neither trained nor stored with it.

    Args:
        model: whose weights are averaged, beginning with those it has now.
        decay: how much of the average is kept at an update, 0 to 1, in the long run.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.weights: dict[str, Tensor] = {name: item.clone() for name, item in model.state_dict().items()}
        self.updates = 0
        self._decay = decay

    def restore(self, weights: Mapping[str, Tensor], updates: int) -> None:
        """Go on from an average that was stored after so many updates."""
        self.weights = {name: item.clone() for name, item in weights.items()}
        self.updates = updates

    def to(self, device: torch.device) -> None:
        """Move the average to where the model is."""
        self.weights = {name: item.to(device) for name, item in self.weights.items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Let the model's weights flow in."""
        kept = min(self._decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        for name, item in model.state_dict().items():
            average = self.weights[name]
            if average.is_floating_point():
                average.lerp_(item, 1 - kept)
            else:
                average.copy_(item)

    @torch.no_grad()
    def swap(self, model: nn.Module) -> None:
        """Exchange the average and the model's weights; done twice, everything is where it was."""
        for name, item in model.state_dict().items():
            own = item.clone()
            item.copy_(self.weights[name])
            self.weights[name].copy_(own)
