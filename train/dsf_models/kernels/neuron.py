"""The neuron (eq. 1) at one time step, and its surrogate gradient: what all kernels with neurons have in common.

Forward, from H[−1] = 0:    ``U[t] = X[t] + β·H[t−1]``,  ``S[t] = Θ(U[t] − V_th)``,  ``H[t] = U[t]·(1 − S[t])``

Backward, from G[T] = 0:    ``G[t] = ∂S[t]·1{|U[t] − V_th| < ½} + (1 − S[t])·β·G[t+1]``

All that the gradient needs of U is whether it was near the threshold and whether it was above: two bits, in a byte.
The second is the spike, so that these marks are also how kernels hand spikes to each other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from dsf_models.kernels.compiling import compiled, shared
from dsf_models.kernels.sharing import Array, share
from dsf_models.lif import SURROGATE_HALF_WIDTH, Lif

Marks = NDArray[np.uint8]

NEAR, FIRED = np.uint8(1), np.uint8(2)
_PIECE = 2**14  # marks


def constants(neuron: Lif, kind: np.dtype[Any]) -> Array:
    """β, V_th, the surrogate's bounds and 0, in the precision of the kernels that are given them."""
    low, high = neuron.threshold - SURROGATE_HALF_WIDTH, neuron.threshold + SURROGATE_HALF_WIDTH
    return np.array([neuron.beta, neuron.threshold, low, high, 0], kind)


def marks_of(spikes: Array) -> Marks:
    """Marks of ``spikes``, which are 0 or 1, without what a gradient of their neurons would need."""
    marks = np.empty(spikes.shape, np.uint8)
    share(_mark, _pieces(marks), marks.size, spikes.reshape(-1), marks.reshape(-1))
    return marks


def spikes_of(marks: Marks, kind: np.dtype[Any]) -> Array:
    """Spikes, 0.0 or 1.0, of the neurons that ``marks`` are of."""
    spikes = np.empty(marks.shape, kind)
    share(_spike, _pieces(marks), marks.size, marks.reshape(-1), spikes.reshape(-1))
    return spikes


def _pieces(marks: Marks) -> int:
    return -(-marks.size // _PIECE)


@shared
def _mark(chunks: int, spikes: Array, marks: Marks) -> None:
    for chunk in prange(chunks):
        for n in range(chunk * _PIECE, min((chunk + 1) * _PIECE, len(marks))):
            marks[n] = FIRED if spikes[n] > 0 else np.uint8(0)


@shared
def _spike(chunks: int, marks: Marks, spikes: Array) -> None:
    for chunk in prange(chunks):
        for n in range(chunk * _PIECE, min((chunk + 1) * _PIECE, len(marks))):
            spikes[n] = 1 if marks[n] & FIRED else 0


@compiled
def step(membrane: Any, threshold: Any, low: Any, high: Any, zero: Any) -> tuple[Any, Any]:
    """H and the mark of a neuron whose membrane is U."""
    fires = membrane > threshold
    near = (membrane > low) & (membrane < high)
    return zero if fires else membrane, np.uint8(near) * NEAR | np.uint8(fires) * FIRED


@compiled
def step_back(mark: Any, grad_spike: Any, later: Any, zero: Any) -> Any:
    """G[t] from ∂S[t] and ``later`` = β·G[t+1]."""
    return (grad_spike if mark & NEAR else zero) + (zero if mark & FIRED else later)
