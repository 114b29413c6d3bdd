"""Layers of spikes: a Linear and its norm, and the neurons behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from dsf_models import kernels
from dsf_models.configuration import ModelConfig
from dsf_models.lif import Lif
from dsf_models.normalisation import kernel_norm
from dsf_models.normalisation_choice import normalisation
from dsf_models.precision import multiply

if TYPE_CHECKING:
    from dsf_models.kernels.layer import Layer


class SpikingLinear(nn.Module):
    """SN(PTBN(W s + b)): one layer of spiking neurons."""

    def __init__(self, inputs: int, outputs: int, config: ModelConfig) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.norm = normalisation(outputs, config)
        self.neuron = Lif(config.beta, config.threshold)

    def forward(self, spikes: Tensor) -> Tensor:
        """(T, tokens, inputs) spikes -> (T, tokens, outputs) spikes."""
        return fire_layers(spikes, [self])


class NormalisedLinear(nn.Module):
    """PTBN(W s + b): from spikes to a current."""

    def __init__(self, inputs: int, outputs: int, config: ModelConfig) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.norm = normalisation(outputs, config)

    def forward(self, spikes: Tensor) -> Tensor:
        """(T, tokens, inputs) spikes -> (T, tokens, outputs) current."""
        layer = served_layers(spikes, [self])
        if layer is None:
            current: Tensor = self.norm(linear(self.linear, spikes))
            return current
        from dsf_models.kernels.layer import current_layer  # here, since numba need not be installed

        return current_layer(spikes, layer[0])

    def onto(self, residual: Tensor, spikes: Tensor) -> Tensor:
        """The residual stream (T, tokens, outputs) with this current added."""
        layer = served_layers(spikes, [self])
        if layer is None:
            raised: Tensor = residual + self(spikes)
            return raised
        from dsf_models.kernels.layer import current_layer  # here, since numba need not be installed

        return current_layer(spikes, layer[0], residual)


def fire_layers(spikes: Tensor, layers: Sequence[SpikingLinear]) -> Tensor:
    """What ``layers`` emit, side by side, from the spikes that all of them read: (T, tokens, ΣD)."""
    served = served_layers(spikes, layers)
    if served is not None:
        from dsf_models.kernels.layer import spiking_layer  # here, since numba need not be installed

        return spiking_layer(spikes, served, layers[0].neuron.constants())
    each = [layer.neuron(layer.norm(linear(layer.linear, spikes))) for layer in layers]
    return each[0] if len(each) == 1 else torch.cat(each, dim=-1)


def served_layers(spikes: Tensor, layers: Sequence[SpikingLinear | NormalisedLinear]) -> list[Layer] | None:
    """``layers`` as kernels take them, where they serve all of them, given ``spikes`` (T, tokens, inputs)."""
    widths = {layer.linear.out_features for layer in layers}
    if len(widths) > 1 or not kernels.serve_rows(layers[0].linear.weight, spikes):
        return None
    norms = [kernel_norm(layer.norm) for layer in layers]
    if None in norms:
        return None
    from dsf_models.kernels.layer import Layer  # here, since numba need not be installed

    return [Layer(layer.linear, norm) for layer, norm in zip(layers, norms, strict=True) if norm is not None]


def linear(layer: nn.Linear, spikes: Tensor) -> Tensor:
    """``layer(spikes)``."""
    if not layer.training or not kernels.serves(layer.weight):
        return multiply(layer, spikes)
    from dsf_models.kernels import spike_linear  # here, since numba need not be installed

    return spike_linear.linear(layer, spikes)
