"""What the paper's attentions share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from dsf_models.configuration import ModelConfig
from dsf_models.lif import Lif
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import Spikes
from dsf_models.spiking_layers import NormalisedLinear, SpikingLinear, fire_layers

if TYPE_CHECKING:
    pass


class Attention(nn.Module):
    """What the paper's attentions share: the spikes q, k, v, the spiking sum and the output projection."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size, inputs = config.embedding_size, config.mixing_inputs
        self.query = SpikingLinear(inputs, size, config)
        self.key = SpikingLinear(inputs, size, config)
        self.value = SpikingLinear(inputs, size, config)
        self.neuron = Lif(config.beta, config.threshold)
        self.project = NormalisedLinear(size, size, config)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, layout: TokenLayout) -> Tensor:
        """Current of the attention sum, (T, tokens, D), from spikes of that shape."""
        raise NotImplementedError

    def fire(self, factors: Tensor, layout: TokenLayout) -> Tensor:
        """Spikes of the attention, (T, tokens, D), from q, k and v side by side, (T, tokens, 3D)."""
        query, key, value = factors.chunk(3, dim=-1)
        output: Tensor = self.neuron(self.attend(query, key, value, layout))
        return output

    def forward(self, inputs: Tensor, residual: Tensor, layout: TokenLayout, spikes: Spikes, prefix: str) -> Tensor:
        """The residual stream (T, tokens, D) with what the spikes ``inputs`` add to it."""
        factors = fire_layers(inputs, [self.query, self.key, self.value])
        output = self.fire(factors, layout)
        record_attention(spikes, prefix, factors, output)
        return self.project.onto(residual, output)


def record_attention(spikes: Spikes, prefix: str, factors: Tensor, output: Tensor) -> None:
    """Record q, k and v, which stand side by side, and what the attention emits."""
    named = zip(("query", "key", "value"), factors.chunk(3, dim=-1), strict=True)
    spikes.update({f"{prefix}.{name}": layer for name, layer in named})
    spikes[f"{prefix}.output"] = output


class MapAttention(Attention):
    """Attentions with a map between all tokens; heads divide the channels."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.heads = config.heads

    def _split(self, spikes: Tensor, layout: TokenLayout) -> Tensor:
        """(T, tokens, D) -> (T, B, heads, K, D / heads)."""
        windows = layout.unpack(spikes)
        return windows.view(*windows.shape[:3], self.heads, -1).transpose(2, 3)

    def _merge(self, windows: Tensor, layout: TokenLayout) -> Tensor:
        """(T, B, heads, K, D / heads) -> (T, tokens, D)."""
        return layout.pack(windows.transpose(2, 3).flatten(3))
