"""Step spiking self-attention (SSSA)."""

from __future__ import annotations

from torch import Tensor

from dsf_models.mixings.attention import MapAttention
from dsf_models.mixings.registry import register_mixing
from dsf_models.padding import TokenLayout


@register_mixing("sssa")
class SSSA(MapAttention):
    """Step spiking self-attention (eq. 4): ``(M ⊙ (qᵗ kᵗᵀ)) vᵗ`` at each time step, M causal."""

    def attend(self, query: Tensor, key: Tensor, value: Tensor, layout: TokenLayout) -> Tensor:
        q, k, v = (self._split(spikes, layout) for spikes in (query, key, value))
        return self._merge((q @ k.transpose(-2, -1)).tril() @ v, layout)
