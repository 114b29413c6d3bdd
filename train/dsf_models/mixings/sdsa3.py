"""SDSA-3 of Meta-SpikeFormer, made causal."""

from __future__ import annotations

from torch import Tensor

from dsf_models.mixings.attention import MapAttention, added_and_taken_away
from dsf_models.mixings.registry import register_mixing
from dsf_models.mixings.token_mixing import spike_count
from dsf_models.padding import TokenLayout


@register_mixing("sdsa3")
class SDSA3(MapAttention):
    """SDSA-3 (Meta-SpikeFormer, 2024) made causal: ``SN(0.125 · q_i (Σ_{i−S<j≤i} k_jᵀ v_j))`` at each time step.

    As published the sum runs over all tokens; the scale is the published one, whatever the width of a head. Computed by
    the scores ``a_ij^t = q_i^t · k_j^t``, the same numbers without a matrix a token.
    """

    SCALE = 0.125

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        return query @ key.transpose(-2, -1)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, layout: TokenLayout) -> Tensor:
        return self.SCALE * super().attend(query, key, value, layout)

    def attention_synops(self, query: Tensor, key: Tensor, value: Tensor) -> int:
        """Each pair of spikes of k and v in a head is added to one running sum; a query's spike reads a row of them."""
        keys, values = (layer.view(*layer.shape[:-1], self.heads, -1).sum(-1).double() for layer in (key, value))
        pairs = added_and_taken_away(keys * values, self.config.window)
        return pairs + spike_count(query) * (self.config.embedding_size // self.heads)
