"""PSSA's neurons (eqs. 6, 7) over the real tokens of each window: gate, sum and spike, in one pass each way.

Forward: ``m_i = Σ_{d<S, d≤i} p_d ⊙ (k ⊙ v)_{i−d}``,  ``X_i = q_i ⊙ m_i``, and the neuron of X (`train.kernels.neuron`)

Backward: ``∂q_i = ∂X_i ⊙ m_i``,  ``∂(k ⊙ v)_j = Σ_d p_d ⊙ (q ⊙ ∂X)_{j+d}``,  ``∂p_d = Σ_i (q ⊙ ∂X)_i ⊙ (k ⊙ v)_{i−d}``

X is never stored. A window's real tokens stand together, with its padding before them, so neither is padding made nor
are tokens moved.
"""

from __future__ import annotations

import numpy as np
import torch
from numba import prange
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from train.kernels.compiling import shared
from train.kernels.neuron import Marks, Neuron, step, step_back
from train.kernels.sharing import Array, array, share, total

Bounds = NDArray[np.int64]

WINDOWS = 4  # a chunk
UNROLLED = 4  # distances that a loop over channels takes at once


def fire_gated(factors: Tensor, weights: Tensor, bounds: Bounds, neuron: Neuron) -> Tensor:
    """Spikes of the attention's neurons, (T, tokens, D).

    Parameters
    ----------
    factors
        Spikes q, k and v side by side, (T, tokens, 3D).
    weights
        p, (S, D).
    bounds
        (B + 1,): window b has the tokens from bounds[b] up to bounds[b + 1].
    """
    spikes: Tensor = _FireGated.apply(factors, weights, bounds, neuron)  # type: ignore[no-untyped-call]
    return spikes


class _FireGated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, factors: Tensor, weights: Tensor, bounds: Bounds, neuron: Neuron) -> Tensor:
        spikes = factors.new_empty((*factors.shape[:2], weights.shape[1]))
        marks = np.empty(spikes.shape, np.uint8)
        given, weighing = _apart(factors), _padded(weights)
        numbers = neuron.numbers(given.dtype)
        share(_forward, _chunks(bounds), marks.size, given, weighing, bounds, numbers, array(spikes), marks)
        ctx.save_for_backward(factors, weights)
        ctx.bounds, ctx.marks, ctx.leak = bounds, marks, numbers[0]  # type: ignore[attr-defined]
        return spikes

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad_spikes: Tensor) -> tuple[Tensor | None, ...]:
        factors, weights = ctx.saved_tensors  # type: ignore[attr-defined]
        bounds: Bounds = ctx.bounds  # type: ignore[attr-defined]
        marks: Marks = ctx.marks  # type: ignore[attr-defined]
        grad_factors = torch.empty_like(factors)
        weighing = _padded(weights)
        partial = np.zeros((_chunks(bounds), *weighing.shape), weighing.dtype)
        share(
            _backward,
            _chunks(bounds),
            marks.size,
            _apart(factors),
            weighing,
            bounds,
            ctx.leak,  # type: ignore[attr-defined]
            marks,
            array(grad_spikes),
            _apart(grad_factors),
            partial,
        )
        return grad_factors, torch.from_numpy(total(partial)[: len(weights)]).to(weights), None, None


def _apart(factors: Tensor) -> Array:
    """q, k and v as (T, tokens, 3, D): a kernel that indexes D + c is not vectorised, as that might be negative."""
    given = array(factors)
    return given.reshape(*given.shape[:2], 3, -1)


def _padded(weights: Tensor) -> Array:
    """(S, D) with zeros for as many further distances as fill the last loop over them."""
    given = array(weights)
    return np.pad(given, ((0, -len(given) % UNROLLED), (0, 0)))


def _chunks(bounds: Bounds) -> int:
    return -(-(len(bounds) - 1) // WINDOWS)


@shared
def _forward(
    chunks: int,
    factors: Array,
    weights: Array,
    bounds: Bounds,
    numbers: Array,
    spikes: Array,
    marks: Marks,
) -> None:
    steps, _, channels = spikes.shape
    leak, threshold, low, high, zero, one = numbers
    lead, longest = len(weights) - 1, np.max(np.diff(bounds))
    for chunk in prange(chunks):
        past = np.zeros((lead + longest, channels), factors.dtype)  # k ⊙ v, after as many zeros as are looked back on
        query = np.empty((longest, channels), factors.dtype)
        kept = np.empty((longest, channels), factors.dtype)
        mixed = np.empty(channels, factors.dtype)
        for window in range(chunk * WINDOWS, min((chunk + 1) * WINDOWS, len(bounds) - 1)):
            begin, length = bounds[window], bounds[window + 1] - bounds[window]
            kept[:] = zero
            for t in range(steps):
                given, emitted, marked = factors[t, begin:], spikes[t, begin:], marks[t, begin:]
                for i in range(length):
                    for c in range(channels):
                        query[i, c] = given[i, 0, c]
                    for c in range(channels):
                        past[lead + i, c] = given[i, 1, c] * given[i, 2, c]
                for i in range(length):
                    mixed[:] = zero
                    for d in range(0, len(weights), UNROLLED):
                        k = lead + i - d
                        for c in range(channels):
                            mixed[c] += (weights[d, c] * past[k, c] + weights[d + 1, c] * past[k - 1, c]) + (
                                weights[d + 2, c] * past[k - 2, c] + weights[d + 3, c] * past[k - 3, c]
                            )
                    for c in range(channels):
                        membrane = query[i, c] * mixed[c] + leak * kept[i, c]
                        emitted[i, c], kept[i, c], marked[i, c] = step(membrane, threshold, low, high, zero, one)


@shared
def _backward(
    chunks: int,
    factors: Array,
    weights: Array,
    bounds: Bounds,
    leak: float,
    marks: Marks,
    grad_spikes: Array,
    grad_factors: Array,
    grad_weights: Array,
) -> None:
    steps, _, channels = marks.shape
    zero = factors.dtype.type(0)
    lead, longest = len(weights) - 1, np.max(np.diff(bounds))
    for chunk in prange(chunks):
        past = np.zeros((lead + longest + UNROLLED, channels), factors.dtype)  # k ⊙ v, after zeros
        carried = np.empty((longest, channels), factors.dtype)  # ∂X
        inner = np.zeros((longest + lead + UNROLLED, channels), factors.dtype)  # q ⊙ ∂X, before zeros
        of_query = np.empty((longest, channels), factors.dtype)
        mixed = np.empty(channels, factors.dtype)
        of_weights = grad_weights[chunk]
        for window in range(chunk * WINDOWS, min((chunk + 1) * WINDOWS, len(bounds) - 1)):
            begin, length = bounds[window], bounds[window + 1] - bounds[window]
            carried[:] = zero
            inner[length:] = zero
            for t in range(steps - 1, -1, -1):
                given, marked = factors[t, begin:], marks[t, begin:]
                outer, grads = grad_spikes[t, begin:], grad_factors[t, begin:]
                for i in range(length):
                    for c in range(channels):
                        carried[i, c] = step_back(marked[i, c], outer[i, c], leak * carried[i, c], zero)
                    for c in range(channels):
                        past[lead + i, c] = given[i, 1, c] * given[i, 2, c]
                        inner[i, c] = given[i, 0, c] * carried[i, c]
                for i in range(length):
                    mixed[:] = zero
                    for d in range(0, len(weights), UNROLLED):
                        k = lead + i - d
                        for c in range(channels):
                            mixed[c] += (weights[d, c] * past[k, c] + weights[d + 1, c] * past[k - 1, c]) + (
                                weights[d + 2, c] * past[k - 2, c] + weights[d + 3, c] * past[k - 3, c]
                            )
                    for c in range(channels):
                        of_query[i, c] = carried[i, c] * mixed[c]
                for d in range(len(weights)):
                    for i in range(0, length, UNROLLED):
                        k = lead + i - d
                        for c in range(channels):
                            of_weights[d, c] += (inner[i, c] * past[k, c] + inner[i + 1, c] * past[k + 1, c]) + (
                                inner[i + 2, c] * past[k + 2, c] + inner[i + 3, c] * past[k + 3, c]
                            )
                for j in range(length):
                    mixed[:] = zero
                    for d in range(0, len(weights), UNROLLED):
                        k = j + d
                        for c in range(channels):
                            mixed[c] += (weights[d, c] * inner[k, c] + weights[d + 1, c] * inner[k + 1, c]) + (
                                weights[d + 2, c] * inner[k + 2, c] + weights[d + 3, c] * inner[k + 3, c]
                            )
                    for c in range(channels):
                        grads[j, 0, c] = of_query[j, c]
                    for c in range(channels):
                        grads[j, 1, c] = mixed[c] * given[j, 2, c]
                    for c in range(channels):
                        grads[j, 2, c] = mixed[c] * given[j, 1, c]
