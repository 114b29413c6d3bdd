"""Sums over a token's past."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def sum_of_past(terms: Sequence[Tensor]) -> Tensor:
    """``y_i = Σ_{d≤i} terms[d]_{i−d}`` over windows (T, B, K, D)."""
    total = terms[0].clone()
    for distance, term in enumerate(terms[1 : total.shape[2]], start=1):
        total[:, :, distance:] += term[:, :, :-distance]
    return total


def sum_of_window(terms: Tensor, window: int) -> Tensor:
    """``y_i = Σ_{0≤d<window, d≤i} terms_{i−d}`` over windows (T, B, K, D) of whole numbers."""
    total = terms.cumsum(dim=2)
    if window >= total.shape[2]:
        return total
    return torch.cat([total[:, :, :window], total[:, :, window:] - total[:, :, :-window]], dim=2)
