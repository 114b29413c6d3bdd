"""The neuron (eq. 1) over all time steps in one pass, and its surrogate gradient in another.

Forward, from H[−1] = 0:    ``U[t] = X[t] + H[t−1]``,  ``S[t] = Θ(U[t] − V_th)``,  ``H[t] = β·U[t]·(1 − S[t])``

Backward, from G[T] = 0:    ``G[t] = ∂S[t]·1{|U[t] − V_th| < ½} + β·(1 − S[t])·G[t+1]``

All that the gradient needs of U is whether it was near the threshold and whether it was above: two bits, in a byte.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from train.kernels.compiling import compiled
from train.kernels.sharing import CHUNK, Array, array, chunks_of, share

Marks = NDArray[np.uint8]

NEAR, FIRED = np.uint8(1), np.uint8(2)


def fire(current: Tensor, leak: float, threshold: float, half_width: float) -> Tensor:
    """Spikes (0.0 or 1.0) of neurons given ``current``, (T, ...); the surrogate gradient reaches ``half_width``."""
    spikes: Tensor = _Fire.apply(current, leak, threshold, half_width)  # type: ignore[no-untyped-call]
    return spikes


class _Fire(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, current: Tensor, leak: float, threshold: float, half_width: float) -> Tensor:
        given = _by_token(array(current))
        spikes = torch.empty(current.shape, dtype=current.dtype)
        marks = np.empty(given.shape, np.uint8)
        numbers = np.array([leak, threshold, threshold - half_width, threshold + half_width], given.dtype)
        share(_forward, chunks_of(given.shape[1]), given.size, given, numbers, _by_token(array(spikes)), marks)
        ctx.marks, ctx.leak = marks, numbers[0]  # type: ignore[attr-defined]
        return spikes

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad_spikes: Tensor) -> tuple[Tensor, None, None, None]:
        marks: Marks = ctx.marks  # type: ignore[attr-defined]
        grad_current = torch.empty(grad_spikes.shape, dtype=grad_spikes.dtype)
        outer, inner = _by_token(array(grad_spikes)), _by_token(array(grad_current))
        share(_backward, chunks_of(marks.shape[1]), marks.size, marks, outer, ctx.leak, inner)  # type: ignore[attr-defined]
        return grad_current, None, None, None


def _by_token(values: Array) -> Array:
    """(T, ..., D) as (T, tokens, D); neurons without a channel axis are one row of them."""
    return values.reshape(len(values), -1, values.shape[-1] if values.ndim > 1 else 1)


@compiled
def _forward(first: int, end: int, current: Array, numbers: Array, spikes: Array, marks: Marks) -> None:
    steps, tokens, channels = current.shape
    leak, threshold, low, high = numbers[0], numbers[1], numbers[2], numbers[3]
    zero = current.dtype.type(0)
    one = current.dtype.type(1)
    kept = np.empty(channels, current.dtype)
    for token in range(first * CHUNK, min(end * CHUNK, tokens)):
        for c in range(channels):
            kept[c] = zero
        for t in range(steps):
            for c in range(channels):
                membrane = current[t, token, c] + leak * kept[c]
                fires = membrane > threshold
                near = (membrane > low) & (membrane < high)
                spikes[t, token, c] = one if fires else zero
                kept[c] = zero if fires else membrane
                marks[t, token, c] = np.uint8(near) * NEAR | np.uint8(fires) * FIRED


@compiled
def _backward(first: int, end: int, marks: Marks, grad_spikes: Array, leak: float, grad_current: Array) -> None:
    steps, tokens, channels = marks.shape
    zero = grad_spikes.dtype.type(0)
    carried = np.empty(channels, grad_spikes.dtype)
    for token in range(first * CHUNK, min(end * CHUNK, tokens)):
        for c in range(channels):
            carried[c] = zero
        for t in range(steps - 1, -1, -1):
            for c in range(channels):
                # Loads come before the choices, so that these are selections of a vector and not branches.
                mark, direct, later = marks[t, token, c], grad_spikes[t, token, c], leak * carried[c]
                gradient = (direct if mark & NEAR else zero) + (zero if mark & FIRED else later)
                grad_current[t, token, c] = gradient
                carried[c] = gradient
