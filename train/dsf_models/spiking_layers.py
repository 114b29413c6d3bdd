"""Layers of spikes: a Linear and its norm, and the neurons behind them."""

from __future__ import annotations

from torch import Tensor, nn

from dsf_models.configuration import ModelConfig
from dsf_models.lif import Lif
from dsf_models.normalisation_choice import normalisation
from dsf_models.precision import multiply


class SpikeLinear(nn.Linear):
    """``W s + b`` of spikes s, which are 0 or 1: each spike adds a column of W."""

    def forward(self, spikes: Tensor) -> Tensor:
        """(..., inputs) spikes -> (..., outputs) current."""
        return multiply(super().forward, spikes)


class NormalisedLinear(nn.Module):
    """``PTBN(W s + b)``: from spikes to a current."""

    def __init__(self, inputs: int, outputs: int, config: ModelConfig) -> None:
        super().__init__()
        self.linear = SpikeLinear(inputs, outputs)
        self.norm = normalisation(outputs, config)

    def forward(self, spikes: Tensor) -> Tensor:
        """(T, tokens, inputs) spikes -> (T, tokens, outputs) current."""
        current: Tensor = self.norm(self.linear(spikes))
        return current

    def onto(self, residual: Tensor, spikes: Tensor) -> Tensor:
        """The residual stream (T, tokens, outputs) with this current added: ``U + PTBN(W s + b)``."""
        raised: Tensor = residual + self(spikes)
        return raised


class SpikingLinear(nn.Module):
    """``SN(PTBN(W s + b))``: one layer of spiking neurons."""

    def __init__(self, inputs: int, outputs: int, config: ModelConfig) -> None:
        super().__init__()
        self.linear = SpikeLinear(inputs, outputs)
        self.norm = normalisation(outputs, config)
        self.neuron = Lif.of(config)

    def forward(self, spikes: Tensor) -> Tensor:
        """(T, tokens, inputs) spikes -> (T, tokens, outputs) spikes."""
        fired: Tensor = self.neuron(self.norm(self.linear(spikes)))
        return fired
