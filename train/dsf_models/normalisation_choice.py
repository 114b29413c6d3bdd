"""The normalisations that may follow a Linear: PTBN, its variants, and the ablations without it.

All take currents (T, tokens, D), real tokens only, and put α·V_th, α = 1, into the initial value of their scales. All
but tdLN are an affine map a channel in evaluation, so they fold into the Linear before them (`dsf_export.folding`).
"""

from __future__ import annotations

from typing import assert_never

import torch
from torch import Tensor, nn

from dsf_models.batch_norm import TokenBatchNorm
from dsf_models.configuration import ModelConfig, Norm
from dsf_models.normalisation import PTBN


class TdLN(nn.Module):
    """``γ·(x − μ)/√(σ² + ε) + β'`` with a token's own statistics over D at each time step (eq. 8)."""

    def __init__(self, channels: int, threshold: float) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(channels)
        nn.init.constant_(self.layer_norm.weight, threshold)

    def forward(self, current: Tensor) -> Tensor:
        """Normalise ``current`` of shape (T, tokens, D)."""
        normalised: Tensor = self.layer_norm(current)
        return normalised


class TdBN(nn.Module):
    """``γ·(x − μ)/√(σ² + ε) + β'`` with a channel's statistics over time steps and tokens (eq. 9; Zheng 2021)."""

    def __init__(self, channels: int, threshold: float) -> None:
        super().__init__()
        self.batch_norm = TokenBatchNorm(channels)
        nn.init.constant_(self.batch_norm.weight, threshold)

    def forward(self, current: Tensor) -> Tensor:
        """Normalise ``current`` of shape (T, tokens, D)."""
        normalised: Tensor = self.batch_norm(current)
        return normalised


class RepPTBN(PTBN):
    """PTBN whose batch-norm branch is the published code's RepBN: ``λ·tdLN(x) + (1 − λ)·(tdBN(x) + a·x)``.

    Attributes
    ----------
    skip
        a, one learned number a layer, 1 at the start.
    """

    def __init__(self, channels: int, threshold: float) -> None:
        super().__init__(channels, threshold)
        self.skip = nn.Parameter(torch.ones(()))

    def forward(self, current: Tensor) -> Tensor:
        """Normalise ``current`` of shape (T, tokens, D)."""
        batch: Tensor = self.batch_norm(current)
        normalised = batch + self.skip * current
        if self.blends:
            return torch.lerp(normalised, self.layer_norm(current), self.blend)
        return normalised


Normaliser = PTBN | RepPTBN | TdBN | TdLN | nn.Identity


def normalisation(channels: int, config: ModelConfig) -> Normaliser:
    """The normalisation of ``channels`` channels that ``config.norm`` names."""
    match config.norm:
        case Norm.none:
            return nn.Identity()
        case Norm.tdln:
            return TdLN(channels, config.threshold)
        case Norm.tdbn:
            return TdBN(channels, config.threshold)
        case Norm.ptbn:
            return PTBN(channels, config.threshold)
        case Norm.repbn:
            return RepPTBN(channels, config.threshold)
        case _:
            assert_never(config.norm)
