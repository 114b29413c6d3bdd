"""SDSA-1 of the Spike-driven Transformer, made causal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from dsf_models.mixings.attention import Attention
from dsf_models.padding import TokenLayout

if TYPE_CHECKING:
    pass


class SDSA1(Attention):
    """SDSA-1 (Spike-driven Transformer, 2023) made causal: ``q_i ⊙ SN(Σ_{j≤i} k_j ⊙ v_j)``, spikes as they are.

    As published, for images, the sum runs over all tokens; here over those that a policy has seen, j ≤ i.
    """

    def fire(self, factors: Tensor, layout: TokenLayout) -> Tensor:
        query, key, value = factors.chunk(3, dim=-1)
        past: Tensor = self.neuron(layout.pack(layout.unpack(key * value).cumsum(dim=2)))
        return query * past
