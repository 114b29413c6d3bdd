"""Batch normalisation over tokens and time steps, of the whole batch also where several processes share it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from train import distributed


class TokenBatchNorm(nn.BatchNorm1d):
    """`torch.nn.BatchNorm1d` of currents (T, tokens, D), whose statistics are those of all processes' tokens.

    PyTorch's own `SyncBatchNorm` does so on GPUs alone.
    """

    def forward(self, current: Tensor) -> Tensor:
        """Normalise ``current`` of shape (T, tokens, D)."""
        rows = current.reshape(-1, current.shape[-1])
        shared = self.training and distributed.processes() > 1
        return (self._over_all(rows) if shared else super().forward(rows)).view(current.shape)

    def _over_all(self, rows: Tensor) -> Tensor:
        count = distributed.total(rows.new_full((), len(rows)))
        mean = distributed.total(rows.sum(dim=0)) / count
        centred = rows - mean
        variance = distributed.total(centred.square().sum(dim=0)) / count
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
