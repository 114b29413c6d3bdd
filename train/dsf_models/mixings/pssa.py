"""Positional spiking self-attention (PSSA)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from dsf_models import kernels
from dsf_models.configuration import ModelConfig, PositionBias
from dsf_models.mixings.attention import Attention
from dsf_models.mixings.position_weights import PairwiseWeights, RelativeWeights
from dsf_models.padding import TokenLayout

if TYPE_CHECKING:
    pass


class PSSA(Attention):
    """Positional spiking self-attention (eqs. 6, 7): ``q_i ⊙ Σ_{j≤i} P_ij (k_j ⊙ v_j)``, P zero beyond S tokens."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.position: RelativeWeights | PairwiseWeights
        if config.position_bias is PositionBias.pairwise:
            self.position = PairwiseWeights(config)
        else:
            self.position = RelativeWeights(config, config.bias_sharing)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, layout: TokenLayout) -> Tensor:
        return query * layout.pack(self.position(layout.unpack(key * value)))

    def fire(self, factors: Tensor, layout: TokenLayout) -> Tensor:
        compiled = self.training and kernels.serves(factors) and layout.is_left_padded
        if not compiled or not isinstance(self.position, RelativeWeights):
            return super().fire(factors, layout)
        from dsf_models.kernels.pssa import fire_gated  # here, since numba need not be installed

        return fire_gated(factors, self.position.per_channel(), layout.bounds(), self.neuron.constants())
