"""Batch normalisation over tokens and time steps, of the whole batch also where several processes share it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dsf_models import distributed


class TokenBatchNorm(nn.BatchNorm1d):
    """`torch.nn.BatchNorm1d` of currents (T, tokens, D), whose statistics are those of all processes' tokens.

    PyTorch's own `SyncBatchNorm` does so on GPUs alone.

    Attributes
    ----------
    real
        (tokens, 1), 1 for a token that counts in training and 0 for padding, where a model keeps that; None where all
        tokens are real.
    """

    real: Tensor | None = None

    def forward(self, current: Tensor) -> Tensor:
        """Normalise ``current`` of shape (T, tokens, D)."""
        if self.training and (self.real is not None or distributed.processes() > 1):
            return self._over_all(current)
        return super().forward(current.reshape(-1, current.shape[-1])).view(current.shape)

    def _over_all(self, current: Tensor) -> Tensor:
        real = current.new_ones(current.shape[1], 1) if self.real is None else self.real
        count = distributed.total(len(current) * real.sum())
        mean = distributed.total((current * real).sum(dim=(0, 1))) / count
        centred = current - mean
        variance = distributed.total((centred.square() * real).sum(dim=(0, 1))) / count
        self._follow(mean.detach(), (variance * count / (count - 1)).detach())
        return centred * torch.rsqrt(variance + self.eps) * self.weight + self.bias

    def _follow(self, mean: Tensor, unbiased_variance: Tensor) -> None:
        """Running statistics as PyTorch keeps them."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(unbiased_variance, self.momentum)
        self.num_batches_tracked.add_(1)
