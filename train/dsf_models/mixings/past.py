"""Sums over a token's past."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def sum_of_past(terms: Sequence[Tensor]) -> Tensor:
    """``y_i = Σ_{d≤i} terms[d]_{i−d}`` over windows (T, B, K, D)."""
    total = terms[0].clone()
    for distance, term in enumerate(terms[1 : total.shape[2]], start=1):
        total[:, :, distance:] += term[:, :, :-distance]
    return total
