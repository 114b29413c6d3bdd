"""SDSA-1 of the Spike-driven Transformer, made causal."""

from __future__ import annotations

from torch import Tensor

from dsf_models.configuration import ModelConfig
from dsf_models.mixings.attention import Attention, meeting_rate, needs_whole_window
from dsf_models.mixings.registry import register_mixing
from dsf_models.mixings.token_mixing import spike_count
from dsf_models.padding import TokenLayout


@register_mixing("sdsa1")
class SDSA1(Attention):
    """SDSA-1 (Spike-driven Transformer, 2023) made causal: ``q_i ⊙ SN(Σ_{j≤i} k_j ⊙ v_j)``, spikes as they are.

    As published, for images, the sum runs over all tokens; here over those that a policy has seen, j ≤ i.
    """

    @classmethod
    def without_stream(cls, config: ModelConfig) -> str | None:
        return needs_whole_window(config)

    def fire(self, query: Tensor, key: Tensor, value: Tensor, layout: TokenLayout) -> Tensor:
        past: Tensor = self.neuron(layout.pack(layout.unpack(key * value).cumsum(dim=2)))
        return query * past

    def factor_rate(self, rate: float) -> float:
        return meeting_rate(rate, self.config.context)

    def attention_synops(self, query: Tensor, key: Tensor, value: Tensor) -> int:
        """Each spike of k ∧ v is added once to its channel's running sum."""
        return spike_count(key * value)
