"""SDSA-3 of Meta-SpikeFormer, made causal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from dsf_models.mixings.attention import MapAttention
from dsf_models.padding import TokenLayout

if TYPE_CHECKING:
    pass


class SDSA3(MapAttention):
    """SDSA-3 (Meta-SpikeFormer, 2024) made causal: ``SN(0.125 · q_i (Σ_{j≤i} k_jᵀ v_j))`` at each time step.

    As published the sum runs over all tokens; the scale is the published one, whatever the width of a head. Computed as
    ``(M ⊙ q kᵀ) v``, the same numbers without a matrix a token.
    """

    SCALE = 0.125

    def attend(self, query: Tensor, key: Tensor, value: Tensor, layout: TokenLayout) -> Tensor:
        q, k, v = (self._split(spikes, layout) for spikes in (query, key, value))
        return self.SCALE * self._merge((q @ k.transpose(-2, -1)).tril() @ v, layout)
