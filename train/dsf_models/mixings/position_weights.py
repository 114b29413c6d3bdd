"""Weights of the past by distance, or by pairs of places."""

from __future__ import annotations

from typing import assert_never

import torch
from torch import Tensor, nn

from dsf_models.configuration import BiasSharing, ModelConfig


class RelativeWeights(nn.Module):
    """Weights p of a token's last S tokens, a vector a layer, a head or a channel.

    Parameters
    ----------
    initial
        Value of every weight at the start; the paper's is 1.
    """

    def __init__(self, config: ModelConfig, sharing: BiasSharing, initial: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((config.window, _vectors(config, sharing)), initial))
        self.channels = config.embedding_size

    def per_channel(self) -> Tensor:
        """p as (S, D), p[d] weighing the token d places back."""
        return self.weight.repeat_interleave(self.channels // self.weight.shape[1], dim=1)

    def forward(self, windows: Tensor) -> Tensor:
        """``y_i = Σ_{d<S, d≤i} p_d ⊙ x_{i−d}`` over windows (T, B, K, D)."""
        if self.weight.shape[1] == 1:
            return self._toeplitz(windows.shape[2]) @ windows
        weight = self.per_channel()
        mixed = windows * weight[0]
        for distance in range(1, min(len(weight), windows.shape[2])):
            mixed[:, :, distance:] += windows[:, :, :-distance] * weight[distance]
        return mixed

    def _toeplitz(self, tokens: int) -> Tensor:
        """The layer's one vector as a (K, K) matrix, so that the sum is one product."""
        place = torch.arange(tokens, device=self.weight.device)
        distance = place[:, None] - place[None, :]
        seen = (distance >= 0) & (distance < len(self.weight))
        return self.weight[distance.clamp(0, len(self.weight) - 1), 0] * seen


class PairwiseWeights(nn.Module):
    """The published code's P: one learned weight a pair of places (i, j) of the window, ``j ≤ i`` and ``i − j < S``.

    A window of fewer than K tokens holds the last places, as if it were padded on the left like every other.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(config.context, config.context))
        place = torch.arange(config.context)
        distance = place[:, None] - place[None, :]
        self.register_buffer("seen", (distance >= 0) & (distance < config.window), persistent=False)
        self.seen: Tensor

    def forward(self, windows: Tensor) -> Tensor:
        """``y_i = Σ_j P_ij x_j`` over windows (T, B, K, D)."""
        tokens = windows.shape[2]
        return (self.weight * self.seen)[-tokens:, -tokens:] @ windows


def _vectors(config: ModelConfig, sharing: BiasSharing) -> int:
    """How many vectors of position weights a layer has."""
    match sharing:
        case BiasSharing.layer:
            return 1
        case BiasSharing.head:
            return config.heads
        case BiasSharing.channel:
            return config.embedding_size
        case _:
            assert_never(sharing)
