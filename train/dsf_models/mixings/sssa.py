"""Step spiking self-attention (SSSA)."""

from __future__ import annotations

from torch import Tensor

from dsf_models.mixings.attention import MapAttention
from dsf_models.mixings.registry import register_mixing


@register_mixing("sssa")
class SSSA(MapAttention):
    """Step spiking self-attention (eq. 4): ``a_ij^t = q_i^t · k_j^t`` at each time step."""

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        return query @ key.transpose(-2, -1)
