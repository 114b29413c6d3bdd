"""The smallest and the largest current that one connection can bring its targets in a time step."""

from __future__ import annotations

from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.nodes import Dense, Sparse

Bound = NDArray[np.float64]
Sources = NDArray[np.bool_] | NDArray[np.int64]


def synaptic_range(
    connection: Dense | Sparse, size: int, possible: Sources | None = None, certain: Sources | None = None
) -> tuple[Bound, Bound]:
    """The ends of ``weight @ spikes``, before the exponent, for each of ``size`` targets.

    Parameters
    ----------
    possible
        Whose spikes can arrive, (sources,) for dense synapses and (synapses,) for listed ones; by default all. Of
        graded ones, the largest number that each can carry.
    certain
        Whose spikes do, likewise; by default none.
    """
    weight = np.asarray(connection.weight, dtype=np.float64)
    up, down = weight.clip(min=0), weight.clip(max=0)
    low, high = _summed(connection, down, size, possible), _summed(connection, up, size, possible)
    if certain is not None and certain.any():
        low, high = low + _summed(connection, up, size, certain), high + _summed(connection, down, size, certain)
    return low, high


def _summed(connection: Dense | Sparse, weight: Bound, size: int, sources: Sources | None) -> Bound:
    """The sum of a connection's weights from ``sources`` into each target neuron, (size,)."""
    match connection:
        case Dense():
            total: Bound = weight.sum(axis=1) if sources is None else weight @ sources
            return total
        case Sparse(target_index=target):
            weights = weight if sources is None else weight * sources
            return np.bincount(target, weights, size).astype(float)
        case _:
            assert_never(connection)
