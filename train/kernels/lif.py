"""Neurons over all time steps in one pass, and their surrogate gradient in another (`train.kernels.neuron`)."""

from __future__ import annotations

import numpy as np
import torch
from numba import prange
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from train.kernels.compiling import shared
from train.kernels.neuron import Marks, Neuron, step, step_back
from train.kernels.sharing import CHUNK, Array, array, chunks_of, share


def fire(current: Tensor, neuron: Neuron) -> Tensor:
    """Spikes (0.0 or 1.0) of neurons given ``current``, (T, ...)."""
    spikes: Tensor = _Fire.apply(current, neuron)  # type: ignore[no-untyped-call]
    return spikes


class _Fire(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, current: Tensor, neuron: Neuron) -> Tensor:
        given = _by_token(array(current))
        spikes = torch.empty(current.shape, dtype=current.dtype)
        marks = np.empty(given.shape, np.uint8)
        numbers = neuron.numbers(given.dtype)
        share(_forward, chunks_of(given.shape[1]), given.size, given, numbers, _by_token(array(spikes)), marks)
        ctx.marks, ctx.numbers = marks, numbers  # type: ignore[attr-defined]
        return spikes

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad_spikes: Tensor) -> tuple[Tensor, None]:
        marks: Marks = ctx.marks  # type: ignore[attr-defined]
        numbers: Array = ctx.numbers  # type: ignore[attr-defined]
        grad_current = torch.empty(grad_spikes.shape, dtype=grad_spikes.dtype)
        outer, inner = _by_token(array(grad_spikes)), _by_token(array(grad_current))
        share(_backward, chunks_of(marks.shape[1]), marks.size, marks, outer, numbers, inner)
        return grad_current, None


def _by_token(values: Array) -> Array:
    """(T, ..., D) as (T, tokens, D); neurons without a channel axis are one row of them."""
    return values.reshape(len(values), -1, values.shape[-1] if values.ndim > 1 else 1)


@shared
def _forward(chunks: int, current: Array, numbers: Array, spikes: Array, marks: Marks) -> None:
    steps, tokens, channels = current.shape
    leak, threshold, low, high, zero, one = numbers
    for chunk in prange(chunks):
        kept = np.empty(channels, current.dtype)
        for token in range(chunk * CHUNK, min((chunk + 1) * CHUNK, tokens)):
            for c in range(channels):
                kept[c] = zero
            for t in range(steps):
                for c in range(channels):
                    membrane = current[t, token, c] + leak * kept[c]
                    spikes[t, token, c], kept[c], marks[t, token, c] = step(membrane, threshold, low, high, zero, one)


@shared
def _backward(chunks: int, marks: Marks, grad_spikes: Array, numbers: Array, grad_current: Array) -> None:
    steps, tokens, channels = marks.shape
    leak, zero = numbers[0], numbers[4]
    for chunk in prange(chunks):
        carried = np.empty(channels, grad_spikes.dtype)
        for token in range(chunk * CHUNK, min((chunk + 1) * CHUNK, tokens)):
            for c in range(channels):
                carried[c] = zero
            for t in range(steps - 1, -1, -1):
                for c in range(channels):
                    gradient = step_back(marks[t, token, c], grad_spikes[t, token, c], leak * carried[c], zero)
                    grad_current[t, token, c] = gradient
                    carried[c] = gradient
