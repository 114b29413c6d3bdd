"""PSSA's sum (eqs. 6, 7) over the real tokens of each window.

Forward: ``m_i = Σ_{d<S, d≤i} p_d ⊙ (k ⊙ v)_{i−d}``,  ``y_i = q_i ⊙ m_i``

Backward: ``∂q_i = ∂y_i ⊙ m_i``,  ``∂(k ⊙ v)_j = Σ_d p_d ⊙ (q ⊙ ∂y)_{j+d}``,  ``∂p_d = Σ_i (q ⊙ ∂y)_i ⊙ (k ⊙ v)_{i−d}``

A window's real tokens stand together, with its padding before them, so neither is padding made nor are tokens moved.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from train.kernels.compiling import compiled
from train.kernels.sharing import Array, array, share, total

Bounds = NDArray[np.int64]

WINDOWS = 4  # a chunk


def gate_past(query: Tensor, key: Tensor, value: Tensor, weights: Tensor, bounds: Bounds) -> Tensor:
    """The attention sum, (T, tokens, D), from spikes of that shape.

    Parameters
    ----------
    weights
        p, (S, D).
    bounds
        (B + 1,): window b has the tokens from bounds[b] up to bounds[b + 1].
    """
    gated: Tensor = _GatePast.apply(query, key, value, weights, bounds)  # type: ignore[no-untyped-call]
    return gated


class _GatePast(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, query: Tensor, key: Tensor, value: Tensor, weights: Tensor, bounds: Bounds) -> Tensor:
        ctx.save_for_backward(query, key, value, weights)
        ctx.bounds = bounds  # type: ignore[attr-defined]
        gated = torch.empty_like(query)
        share(
            _forward,
            _chunks(bounds),
            query.numel(),
            *map(array, (query, key, value, weights)),
            bounds,
            array(gated),
        )
        return gated

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad_gated: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, weights = ctx.saved_tensors  # type: ignore[attr-defined]
        bounds: Bounds = ctx.bounds  # type: ignore[attr-defined]
        grads = [torch.empty_like(query) for _ in range(3)]
        partial = np.zeros((_chunks(bounds), *weights.shape))
        share(
            _backward,
            _chunks(bounds),
            query.numel(),
            *map(array, (query, key, value, weights, grad_gated)),
            bounds,
            *map(array, grads),
            partial,
        )
        return *grads, torch.from_numpy(total(partial)).to(weights), None


def _chunks(bounds: Bounds) -> int:
    return -(-(len(bounds) - 1) // WINDOWS)


@compiled
def _forward(
    first: int,
    end: int,
    query: Array,
    key: Array,
    value: Array,
    weights: Array,
    bounds: Bounds,
    gated: Array,
) -> None:
    steps, _, channels = query.shape
    past = np.empty((np.max(np.diff(bounds)), channels), query.dtype)  # k ⊙ v
    mixed = np.empty(channels, query.dtype)
    for window in range(first * WINDOWS, min(end * WINDOWS, len(bounds) - 1)):
        begin, length = bounds[window], bounds[window + 1] - bounds[window]
        for t in range(steps):
            for i in range(length):
                for c in range(channels):
                    past[i, c] = key[t, begin + i, c] * value[t, begin + i, c]
                    mixed[c] = weights[0, c] * past[i, c]
                for d in range(1, min(i + 1, len(weights))):
                    for c in range(channels):
                        mixed[c] += weights[d, c] * past[i - d, c]
                for c in range(channels):
                    gated[t, begin + i, c] = query[t, begin + i, c] * mixed[c]


@compiled
def _backward(
    first: int,
    end: int,
    query: Array,
    key: Array,
    value: Array,
    weights: Array,
    grad_gated: Array,
    bounds: Bounds,
    grad_query: Array,
    grad_key: Array,
    grad_value: Array,
    grad_weights: Array,
) -> None:
    steps, _, channels = query.shape
    longest = np.max(np.diff(bounds))
    past = np.empty((longest, channels), query.dtype)  # k ⊙ v
    inner = np.empty((longest, channels), query.dtype)  # q ⊙ ∂y
    mixed = np.empty(channels, query.dtype)
    for chunk in range(first, end):
        for window in range(chunk * WINDOWS, min((chunk + 1) * WINDOWS, len(bounds) - 1)):
            begin, length = bounds[window], bounds[window + 1] - bounds[window]
            for t in range(steps):
                for i in range(length):
                    for c in range(channels):
                        past[i, c] = key[t, begin + i, c] * value[t, begin + i, c]
                        inner[i, c] = query[t, begin + i, c] * grad_gated[t, begin + i, c]
                        mixed[c] = 0
                    for d in range(min(i + 1, len(weights))):
                        for c in range(channels):
                            mixed[c] += weights[d, c] * past[i - d, c]
                            grad_weights[chunk, d, c] += inner[i, c] * past[i - d, c]
                    for c in range(channels):
                        grad_query[t, begin + i, c] = grad_gated[t, begin + i, c] * mixed[c]
                for j in range(length):
                    for c in range(channels):
                        mixed[c] = 0
                    for d in range(min(length - j, len(weights))):
                        for c in range(channels):
                            mixed[c] += weights[d, c] * inner[j + d, c]
                    for c in range(channels):
                        grad_key[t, begin + j, c] = mixed[c] * value[t, begin + j, c]
                        grad_value[t, begin + j, c] = mixed[c] * key[t, begin + j, c]
