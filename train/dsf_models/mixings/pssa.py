"""Positional spiking self-attention (PSSA)."""

from __future__ import annotations

from typing import assert_never

from torch import Tensor

from dsf_models.configuration import BiasSharing, ModelConfig, PositionBias
from dsf_models.mixings.attention import Attention, meeting_rate, seen_spikes
from dsf_models.mixings.position_weights import PairwiseWeights, RelativeWeights
from dsf_models.mixings.registry import register_mixing
from dsf_models.padding import TokenLayout


@register_mixing("pssa")
class PSSA(Attention):
    """Positional spiking self-attention (eqs. 6, 7): ``q_i ⊙ Σ_{j≤i} P_ij (k_j ⊙ v_j)``, P zero beyond S tokens."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.position = _position_weights(config)

    @classmethod
    def reads(cls, config: ModelConfig) -> frozenset[str]:
        """Pairs of places have a weight each; vectors of distances are shared, and some by head."""
        if config.position_bias is PositionBias.pairwise:
            return frozenset({"position_bias"})
        by_head = {"heads"} if config.bias_sharing is BiasSharing.head else set()
        return frozenset({"position_bias", "bias_sharing", *by_head})

    @classmethod
    def without_stream(cls, config: ModelConfig) -> str | None:
        match config.position_bias:
            case PositionBias.relative:
                return None
            case PositionBias.pairwise:
                return (
                    "model.position_bias=pairwise weighs a token by its place in the window, which moves, so it cannot "
                    "stream; choose model.position_bias=relative"
                )
            case _:
                assert_never(config.position_bias)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, layout: TokenLayout) -> Tensor:
        return query * layout.pack(self.position(layout.unpack(key * value)))

    def factor_rate(self, rate: float) -> float:
        return meeting_rate(rate, self.config.window)

    def attention_synops(self, query: Tensor, key: Tensor, value: Tensor) -> int:
        """Each spike of k ∧ v reaches the tokens that look back on it."""
        return seen_spikes(key * value, self.config.window)


def _position_weights(config: ModelConfig) -> RelativeWeights | PairwiseWeights:
    match config.position_bias:
        case PositionBias.relative:
            return RelativeWeights(config, config.bias_sharing)
        case PositionBias.pairwise:
            return PairwiseWeights(config)
        case _:
            assert_never(config.position_bias)
