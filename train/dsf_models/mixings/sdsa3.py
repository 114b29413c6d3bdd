"""SDSA-3 of Meta-SpikeFormer, made causal."""

from __future__ import annotations

from torch import Tensor

from dsf_models.mixings.attention import MapAttention
from dsf_models.mixings.registry import register_mixing
from dsf_models.mixings.token_mixing import spike_count
from dsf_models.padding import TokenLayout


@register_mixing("sdsa3")
class SDSA3(MapAttention):
    """SDSA-3 (Meta-SpikeFormer, 2024) made causal: ``SN(0.125 · q_i (Σ_{j≤i} k_jᵀ v_j))`` at each time step.

    As published the sum runs over all tokens; the scale is the published one, whatever the width of a head. Computed as
    ``(M ⊙ q kᵀ) v``, the same numbers without a matrix a token.
    """

    SCALE = 0.125

    def attend(self, query: Tensor, key: Tensor, value: Tensor, layout: TokenLayout) -> Tensor:
        q, k, v = (self._split(spikes, layout) for spikes in (query, key, value))
        return self.SCALE * self._merge((q @ k.transpose(-2, -1)).tril() @ v, layout)

    def attention_synops(self, query: Tensor, key: Tensor, value: Tensor) -> int:
        """Each pair of spikes of k and v in a head is added to one running sum; a query's spike reads a row of them."""
        keys, values = (layer.view(*layer.shape[:-1], self.heads, -1).sum(-1).double() for layer in (key, value))
        return int((keys * values).sum()) + spike_count(query) * (self.config.embedding_size // self.heads)
