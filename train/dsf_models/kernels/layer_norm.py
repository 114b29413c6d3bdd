"""Layer norm of one row, times weights, ``y = w ⊙ (x − μ)·r``, and its gradient, within kernels that go through rows.

A row holds the channels of several norms, (norms, D); its moments are (μ, r) of each. With ``h = w ⊙ ∂y`` the gradient
is ``∂x = r·(h − ⟨h⟩ − x̂·⟨h·x̂⟩)``, ⟨·⟩ being the mean over channels.
"""

from __future__ import annotations

import numpy as np

from dsf_models.kernels.compiling import compiled, compiled_summing
from dsf_models.kernels.sharing import Array


@compiled_summing
def normalise_row(row: Array, weights: Array, epsilon: float, moments: Array, normalised: Array) -> None:
    """Write y, and the moments."""
    norms, channels = row.shape
    share = row.dtype.type(1 / channels)  # a division by an integer would make all of it float64
    for p in range(norms):
        plain = row.dtype.type(0)
        for c in range(channels):
            plain += row[p, c]
        mean = plain * share
        squares = row.dtype.type(0)
        for c in range(channels):
            squares += (row[p, c] - mean) * (row[p, c] - mean)
        inverse = row.dtype.type(1 / np.sqrt(squares * share + epsilon))
        for c in range(channels):
            normalised[p, c] = weights[p, c] * ((row[p, c] - mean) * inverse)
        moments[p, 0] = mean
        moments[p, 1] = inverse


@compiled
def add_tilts(row: Array, outer: Array, moments: Array, tilts: Array) -> None:
    """Add ∂y ⊙ x̂ to ``tilts``, from ``outer`` = ∂y."""
    norms, channels = row.shape
    for p in range(norms):
        mean, inverse = moments[p, 0], moments[p, 1]
        for c in range(channels):
            tilts[p, c] += outer[p, c] * ((row[p, c] - mean) * inverse)


@compiled_summing
def row_gradient(row: Array, outer: Array, weights: Array, moments: Array, gradient: Array, drift: Array) -> None:
    """Write ∂x from ``outer`` = ∂y, and add it to ``drift``."""
    norms, channels = row.shape
    share = row.dtype.type(1 / channels)
    for p in range(norms):
        mean, inverse = moments[p, 0], moments[p, 1]
        plain = row.dtype.type(0)
        tilted = row.dtype.type(0)
        for c in range(channels):
            inner = weights[p, c] * outer[p, c]
            plain += inner
            tilted += inner * ((row[p, c] - mean) * inverse)
        offset, tilt = plain * share, tilted * share
        for c in range(channels):
            inner = weights[p, c] * outer[p, c]
            gradient[p, c] = inverse * (inner - offset - (row[p, c] - mean) * inverse * tilt)
            drift[p, c] += gradient[p, c]
