"""Temporal spiking self-attention (TSSA)."""

from __future__ import annotations

from torch import Tensor

from dsf_models.mixings.attention import MapAttention
from dsf_models.mixings.registry import register_mixing
from dsf_models.padding import TokenLayout


@register_mixing("tssa")
class TSSA(MapAttention):
    """Temporal spiking self-attention (eq. 5): one map ``M ⊙ Σ_t qᵗ kᵗᵀ`` for all time steps of v."""

    def attend(self, query: Tensor, key: Tensor, value: Tensor, layout: TokenLayout) -> Tensor:
        q, k, v = (self._split(spikes, layout) for spikes in (query, key, value))
        return self._merge((q @ k.transpose(-2, -1)).sum(0).tril() @ v, layout)
