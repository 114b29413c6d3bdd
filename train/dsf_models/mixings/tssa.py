"""Temporal spiking self-attention (TSSA)."""

from __future__ import annotations

from torch import Tensor

from dsf_models.mixings.attention import MapAttention
from dsf_models.mixings.registry import register_mixing


@register_mixing("tssa")
class TSSA(MapAttention):
    """Temporal spiking self-attention (eq. 5): ``a_ij = Σ_t q_i^t · k_j^t``, one map for all time steps of v."""

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        return (query @ key.transpose(-2, -1)).sum(0, keepdim=True)
