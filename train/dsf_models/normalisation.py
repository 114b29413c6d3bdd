"""Progressive threshold-dependent batch normalisation (PTBN, the paper's eqs. 8–10)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dsf_models.batch_norm import TokenBatchNorm


class PTBN(nn.Module):
    """``λ·tdLN(x) + (1 − λ)·tdBN(x)`` in training; ``tdBN(x)`` alone in evaluation, which folds into a Linear.

    tdLN has its statistics over D, tdBN a channel over time steps and tokens. The model hands in real tokens only
    (`dsf_models.padding`), so padding never enters the statistics. α·V_th sits in the initial value of both scales.

    Parameters
    ----------
    channels
        D.
    threshold
        V_th, the initial scale of both branches (α = 1).

    Attributes
    ----------
    blend
        λ; the trainer lowers it from 1 to 0 over the first steps. A compiled step makes it a tensor while it is not 0.
    """

    def __init__(self, channels: int, threshold: float) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(channels)
        self.batch_norm = TokenBatchNorm(channels)
        nn.init.constant_(self.layer_norm.weight, threshold)
        nn.init.constant_(self.batch_norm.weight, threshold)
        self.blend: float | Tensor = 0.0

    @property
    def blends(self) -> bool:
        """Whether the layer norm takes part in this training step: λ > 0."""
        return self.training and (isinstance(self.blend, Tensor) or self.blend > 0)

    def forward(self, current: Tensor) -> Tensor:
        """Normalise ``current`` of shape (T, tokens, D)."""
        normalised: Tensor = self.batch_norm(current)
        if self.blends:
            return torch.lerp(normalised, self.layer_norm(current), self.blend)
        return normalised


def set_blend(model: nn.Module, blend: float) -> None:
    """Give every PTBN of ``model`` the λ of this training step."""
    for module in model.modules():
        if isinstance(module, PTBN):
            module.blend = blend
