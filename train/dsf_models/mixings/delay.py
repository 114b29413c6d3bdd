"""Delayed synapses, one weight a channel and distance."""

from __future__ import annotations

from torch import Tensor, nn

from dsf_models.configuration import BiasSharing, ModelConfig
from dsf_models.lif import Lif
from dsf_models.mixings.delayed_synapses import DelayedSynapses
from dsf_models.mixings.position_weights import RelativeWeights
from dsf_models.mixings.registry import register_mixing
from dsf_models.normalisation_choice import normalisation
from dsf_models.padding import TokenLayout
from dsf_models.spiking_layers import NormalisedLinear


@register_mixing("delay")
class DelayMixing(DelayedSynapses):
    """Delayed synapses: ``y_i = SN(PTBN(Σ_{j<S} p_j ⊙ PTBN(W_v s_{i−j})))``, p a vector a channel.

    Folded, it is one weight matrix a delay, ``W_j = diag(g₂ p_j g₁) W_v``: no gate and no product of two signals.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        size = config.embedding_size
        self.value = NormalisedLinear(config.mixing_inputs, size, config)
        self.position = RelativeWeights(config, BiasSharing.channel)
        nn.init.normal_(self.position.weight, mean=1 / config.window, std=1 / config.window)
        self.norm = normalisation(size, config)
        self.neuron = Lif.of(config)
        self.project = NormalisedLinear(size, size, config)

    @classmethod
    def reads(cls, config: ModelConfig) -> frozenset[str]:
        return frozenset()

    def fire(self, inputs: Tensor, layout: TokenLayout) -> Tensor:
        mixed = layout.pack(self.position(layout.unpack(self.value(inputs))))
        output: Tensor = self.neuron(self.norm(mixed))
        return output

    def present_bias(self) -> Tensor:
        return self.value.linear.bias
