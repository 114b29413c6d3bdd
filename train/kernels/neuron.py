"""The neuron (eq. 1) at one time step, and its surrogate gradient: what all kernels with neurons have in common.

Forward, from H[−1] = 0:    ``U[t] = X[t] + β·H[t−1]``,  ``S[t] = Θ(U[t] − V_th)``,  ``H[t] = U[t]·(1 − S[t])``

Backward, from G[T] = 0:    ``G[t] = ∂S[t]·1{|U[t] − V_th| < ½} + (1 − S[t])·β·G[t+1]``

All that the gradient needs of U is whether it was near the threshold and whether it was above: two bits, in a byte.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from train.kernels.compiling import compiled
from train.kernels.sharing import Array

Marks = NDArray[np.uint8]

NEAR, FIRED = np.uint8(1), np.uint8(2)


class Neuron(NamedTuple):
    """β, V_th, and how far from V_th the surrogate gradient is 1."""

    leak: float
    threshold: float
    half_width: float

    def numbers(self, kind: np.dtype[Any]) -> Array:
        """What kernels are given: β, V_th, the surrogate's bounds, 0 and 1, in their precision."""
        low, high = self.threshold - self.half_width, self.threshold + self.half_width
        return np.array([self.leak, self.threshold, low, high, 0, 1], kind)


@compiled
def step(membrane: Any, threshold: Any, low: Any, high: Any, zero: Any, one: Any) -> tuple[Any, Any, Any]:
    """S, H and the mark of a neuron whose membrane is U."""
    fires = membrane > threshold
    near = (membrane > low) & (membrane < high)
    return one if fires else zero, zero if fires else membrane, np.uint8(near) * NEAR | np.uint8(fires) * FIRED


@compiled
def step_back(mark: Any, grad_spike: Any, later: Any, zero: Any) -> Any:
    """G[t] from ∂S[t] and ``later`` = β·G[t+1]."""
    return (grad_spike if mark & NEAR else zero) + (zero if mark & FIRED else later)
