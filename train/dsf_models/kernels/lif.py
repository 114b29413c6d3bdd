"""Neurons over all time steps in one pass, and their surrogate gradient in another (`dsf_models.kernels.neuron`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import prange
from torch import Tensor

from dsf_models.kernels.compiling import shared
from dsf_models.kernels.neuron import Marks, constants, step, step_back
from dsf_models.kernels.sharing import CHUNK, Array, chunks_of, share
from dsf_models.lif import Lif


class Neurons:
    """A current, (T, ...), into the marks of its neurons."""

    parameters: Sequence[Tensor] = ()

    def __init__(self, neuron: Lif) -> None:
        self._neuron = neuron

    def forward(self, current: Array) -> Marks:
        given = _by_token(current)
        self._numbers = constants(self._neuron, given.dtype)
        self._marks = np.empty(given.shape, np.uint8)
        share(_forward, chunks_of(given.shape[1]), given.size, given, self._numbers, self._marks)
        return self._marks.reshape(current.shape)

    def backward(self, grad_spikes: Array) -> tuple[Array, Sequence[Tensor | None]]:
        grad_current = np.empty_like(grad_spikes)
        outer, inner = _by_token(grad_spikes), _by_token(grad_current)
        share(_backward, chunks_of(outer.shape[1]), outer.size, self._marks, outer, self._numbers, inner)
        return grad_current, ()


def _by_token(values: Array) -> Array:
    """(T, ..., D) as (T, tokens, D); neurons without a channel axis are one row of them."""
    return values.reshape(len(values), -1, values.shape[-1] if values.ndim > 1 else 1)


@shared
def _forward(chunks: int, current: Array, numbers: Array, marks: Marks) -> None:
    steps, tokens, channels = current.shape
    beta, threshold, low, high, zero = numbers
    for chunk in prange(chunks):
        kept = np.empty(channels, current.dtype)
        for token in range(chunk * CHUNK, min((chunk + 1) * CHUNK, tokens)):
            for c in range(channels):
                kept[c] = zero
            for t in range(steps):
                for c in range(channels):
                    membrane = current[t, token, c] + beta * kept[c]
                    kept[c], marks[t, token, c] = step(membrane, threshold, low, high, zero)


@shared
def _backward(chunks: int, marks: Marks, grad_spikes: Array, numbers: Array, grad_current: Array) -> None:
    steps, tokens, channels = marks.shape
    beta, zero = numbers[0], numbers[4]
    for chunk in prange(chunks):
        carried = np.empty(channels, grad_spikes.dtype)
        for token in range(chunk * CHUNK, min((chunk + 1) * CHUNK, tokens)):
            for c in range(channels):
                carried[c] = zero
            for t in range(steps - 1, -1, -1):
                for c in range(channels):
                    gradient = step_back(marks[t, token, c], grad_spikes[t, token, c], beta * carried[c], zero)
                    grad_current[t, token, c] = gradient
                    carried[c] = gradient
