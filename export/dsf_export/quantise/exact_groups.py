"""Groups whose integers follow from their construction: they count, so that no scale need be searched for them.

A group that is brought whole numbers, whose threshold lies half way between two of them, and in which what a time step
leaves can never be half of one, fires alike in reals and in integers, at any scale whose integers hold what arrives.
AND gates are such, with a node of their own; the digits of an attention's scores are others.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.headroom import largest_current
from neuro_runtime.program.limits import (
    AND_WEIGHT,
    ARRIVAL_LIMIT,
    DECAY_ONE,
    LARGEST_DECAY,
    LARGEST_WEIGHT,
    SMALLEST_WEIGHT,
)
from neuro_runtime.program.nodes import Dense, Lif, Node, Sparse
from neuro_runtime.program.program import Program

SMALLEST_SCALE = 2  # weights are even
# More may not arrive in a time step at neurons that forget as fast as Loihi's can: what is left would be half of 1.
LARGEST_COUNT = DECAY_ONE // (DECAY_ONE - LARGEST_DECAY) // 2 - 1


def exact_scale(program: Program, node: Node) -> int | None:
    """The scale of a group that counts, in a float program; none of any other, or if it counts too much."""
    if not isinstance(node, Lif) or node.current_decay != 1 or not (node.threshold - 0.5).is_integer():
        return None
    connections = program.connections_into(node.name)
    if not all(item.weighted and (item.weight == np.rint(item.weight)).all() for item in connections):
        return None
    largest, kept = largest_current(program, node), 1 - node.voltage_decay
    if largest * kept / (1 - kept) >= 0.5:
        return None
    scale = AND_WEIGHT
    while largest * scale >= ARRIVAL_LIMIT:
        scale //= 2
    return scale if scale >= SMALLEST_SCALE else None


def exact_scales(program: Program) -> dict[str, int]:
    """The scale of each group of a float program that counts, by name."""
    scales = {node.name: exact_scale(program, node) for node in program.nodes}
    return {name: scale for name, scale in scales.items() if scale is not None}


def exact_connections(connection: Dense | Sparse, scale: int) -> list[Dense | Sparse]:
    """Connections whose weights add up to those of ``connection``, whole numbers, times ``scale``; nothing is rounded.

    8 bits hold what has 7 that matter, so there is nearly always one.
    """
    missing = np.rint(np.asarray(connection.weight, dtype=np.float64) * scale).astype(np.int64)
    made: list[Dense | Sparse] = []
    while missing.any() or not made:
        exponent = _coarsest(missing)
        mantissa = (missing >> (exponent + 1)) << 1
        made.append(replace(connection, weight=mantissa.astype(np.int32), exponent=exponent))
        missing = missing - (mantissa << exponent)
    return made


def _coarsest(values: NDArray[np.int64]) -> int:
    """The smallest exponent that leaves mantissas of 8 bits."""
    exponent = 0
    while not ((values >= SMALLEST_WEIGHT << exponent) & (values < (LARGEST_WEIGHT + 2) << exponent)).all():
        exponent += 1
    return exponent
