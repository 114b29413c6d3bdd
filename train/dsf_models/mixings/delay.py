"""Delayed synapses, one weight a channel and distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from dsf_models.configuration import BiasSharing, ModelConfig
from dsf_models.lif import Lif
from dsf_models.mixings.position_weights import RelativeWeights
from dsf_models.normalisation_choice import normalisation
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import Spikes
from dsf_models.spiking_layers import NormalisedLinear

if TYPE_CHECKING:
    pass


class DelayMixing(nn.Module):
    """Delayed synapses: ``y_i = SN(PTBN(Σ_{j<S} p_j ⊙ PTBN(W_v s_{i−j})))``, p a vector a channel.

    Folded, it is one weight matrix a delay, ``W_j = diag(g₂ p_j g₁) W_v``: no gate and no product of two signals.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size = config.embedding_size
        self.value = NormalisedLinear(config.mixing_inputs, size, config)
        self.position = RelativeWeights(config, BiasSharing.channel)
        nn.init.normal_(self.position.weight, mean=1 / config.window, std=1 / config.window)
        self.norm = normalisation(size, config)
        self.neuron = Lif(config.beta, config.threshold)
        self.project = NormalisedLinear(size, size, config)

    def forward(self, inputs: Tensor, residual: Tensor, layout: TokenLayout, spikes: Spikes, prefix: str) -> Tensor:
        """The residual stream (T, tokens, D) with what the spikes ``inputs`` add to it."""
        mixed = layout.pack(self.position(layout.unpack(self.value(inputs))))
        output = self.neuron(self.norm(mixed))
        spikes[f"{prefix}.output"] = output
        return self.project.onto(residual, output)
