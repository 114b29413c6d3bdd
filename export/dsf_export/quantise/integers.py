"""One node or connection of a float program in Loihi's integers, given the units of its currents."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dsf_export.quantise.decay import decay_mantissa
from dsf_export.quantise.weight_rounding import Integers, RoundedWeight, round_bias, round_weight
from neuro_runtime.loihi_arithmetic import DECAY_ONE
from neuro_runtime.program.nodes import And, BiasLine, Connection, Dense, Injection, Lif, Sparse
from neuro_runtime.program.program import Program
from neuro_runtime.program.weight_format import WeightFormat

AND_WEIGHT = 64


def integer_lif(node: Lif, unit: int) -> Lif:
    """LIF neurons that count ``unit`` for 1.0 of their current.

    A current that is gone after one step decays by 4095, since Loihi adds 1; no DSFormer has another.
    """
    return replace(
        node,
        current_decay=round(node.current_decay * DECAY_ONE) - 1,
        voltage_decay=decay_mantissa(node.voltage_decay, node.name),
        threshold=round(node.threshold * unit),
    )


def integer_connections(
    program: Program, connection: Connection, unit: int, injected: int, weight_format: WeightFormat
) -> list[Connection]:
    """The connections that stand for ``connection``, whose target counts ``unit`` for 1.0 of its current.

    Parameters
    ----------
    injected
        Integers for 1.0 of the token's current as the host sends it, ``unit`` times a power of two.

    Notes
    -----
    Weights of AND gates learn nothing and need no precision: they are 64 in every format.
    """
    if isinstance(connection, Injection):
        return [replace(connection, exponent=_power_of_two(unit, injected))]
    if isinstance(program.node(connection.target), And):
        return [replace(connection, weight=np.full(connection.weight.shape, AND_WEIGHT, dtype=np.int32))]
    if isinstance(program.node(connection.source), BiasLine):
        parts = round_bias(connection.weight, unit, weight_format.bits)
        return [_with(connection, part.mantissa, int(part.exponent.flat[0])) for part in parts]
    return _by_exponent(connection, round_weight(connection.weight, unit, weight_format))


def _power_of_two(unit: int, injected: int) -> int:
    return (unit // injected).bit_length() - 1 if unit >= injected else 1 - (injected // unit).bit_length()


def _by_exponent(connection: Dense | Sparse, rounded: RoundedWeight) -> list[Connection]:
    """One connection for each exponent, the largest first; the weights of the others are 0 in it."""
    made: list[Connection] = []
    for exponent in sorted(np.unique(rounded.exponent), reverse=True):
        mantissa = np.where(rounded.exponent == exponent, rounded.mantissa, 0).astype(np.int32)
        if mantissa.any():
            made.append(_with(connection, mantissa, int(exponent)))
    return made or [_with(connection, rounded.mantissa, 0)]


def _with(connection: Dense | Sparse, mantissa: Integers, exponent: int) -> Dense | Sparse:
    if isinstance(connection, Dense):
        return replace(connection, weight=mantissa, exponent=exponent)
    listed = mantissa != 0
    if not listed.any():
        return replace(connection, weight=mantissa, exponent=exponent)
    return replace(
        connection,
        source_index=connection.source_index[listed],
        target_index=connection.target_index[listed],
        delay=connection.delay[listed],
        weight=mantissa[listed],
        exponent=exponent,
    )
