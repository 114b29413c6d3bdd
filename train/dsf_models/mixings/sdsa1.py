"""SDSA-1 of the Spike-driven Transformer, made causal."""

from __future__ import annotations

from torch import Tensor

from dsf_models.configuration import ModelConfig
from dsf_models.mixings.attention import Attention, added_and_taken_away, meeting_rate
from dsf_models.mixings.past import sum_of_window
from dsf_models.mixings.registry import register_mixing
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import Spikes


@register_mixing("sdsa1")
class SDSA1(Attention):
    """SDSA-1 (Spike-driven Transformer, 2023) made causal: ``q_i ⊙ SN(Σ_{i−S<j≤i} k_j ⊙ v_j)``, spikes as they are.

    As published, for images, the sum runs over all tokens; here over those that a policy has seen, j ≤ i, of a window.
    """

    @classmethod
    def reads(cls, config: ModelConfig) -> frozenset[str]:
        return frozenset()

    def fire(self, query: Tensor, key: Tensor, value: Tensor, layout: TokenLayout, inner: Spikes) -> Tensor:
        sums = sum_of_window(layout.unpack(key * value), self.config.window)
        inner["sum"] = self.neuron(layout.pack(sums))
        return query * inner["sum"]

    def factor_rate(self, rate: float) -> float:
        return meeting_rate(rate, min(self.config.window, self.config.context))

    def attention_synops(self, query: Tensor, key: Tensor, value: Tensor) -> int:
        """Each spike of k ∧ v is added to its channel's running sum, and taken away when it leaves the window."""
        return added_and_taken_away(key * value, self.config.window)
