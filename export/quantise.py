"""Quantise a float program to Loihi's integers: 8-bit weights, 12-bit decays, 17-bit thresholds, 24-bit state.

Every parameter is the nearest one that Loihi has; `export.units` chooses the scale of each neuron group. A bias counts
at every time step, so its rounding error is a constant pull where a weight's is noise: what eight bits leave of it
comes as a second, finer connection from the bias line.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

import numpy as np

from export.loihi_decay import decay_mantissa
from export.units import Units, choose_units, quantise_weight
from neuro_runtime.loihi_arithmetic import CURRENT_SHIFT, DECAY_ONE
from neuro_runtime.program.nodes import (
    Accumulator,
    And,
    BiasLine,
    Connection,
    CurrentInput,
    Dense,
    Injection,
    Lif,
    Node,
    Sparse,
)
from neuro_runtime.program.program import Program

AND_WEIGHT = 64
AND_SLACK = 28  # an AND of n inputs fires above 64n − 28, which n − 1 inputs and their residue stay below


def quantise(program: Program) -> Program:
    """The Loihi program of a float one, node for node.

    Raises
    ------
    UserError
        A parameter has no Loihi value; the message names layer, value and limit.
    """
    units = choose_units(program)
    connections = [
        quantised for connection in program.connections for quantised in _connections(program, connection, units)
    ]
    accumulators = [node.name for node in program.nodes if isinstance(node, Accumulator)]
    return replace(
        program,
        arithmetic="loihi",
        nodes=tuple(_node(node, units) for node in program.nodes),
        connections=tuple(connections),
        encoder=replace(program.encoder, input_scale=float(units.injected)),
        readout=replace(program.readout, unit=program.readout.unit / units.of[accumulators[0]] / 2**CURRENT_SHIFT),
    )


def _node(node: Node, units: Units) -> Node:
    match node:
        case Lif():
            return replace(
                node,
                current_decay=_current_decay(node),
                voltage_decay=decay_mantissa(node.voltage_decay, node.name),
                threshold=round(node.threshold * units.of[node.name]),
            )
        case And():
            return replace(node, threshold=AND_WEIGHT * node.fan_in - AND_SLACK)
        case CurrentInput() | BiasLine() | Accumulator():
            return node
        case _:
            assert_never(node)


def _current_decay(node: Lif) -> int:
    """A current that is gone after one step decays by 4095, since Loihi adds 1; no DSFormer has another."""
    return round(node.current_decay * DECAY_ONE) - 1


def _connections(program: Program, connection: Connection, units: Units) -> list[Connection]:
    if isinstance(connection, Injection):
        exponent = (units.of[connection.target] // units.injected).bit_length() - 1
        return [replace(connection, exponent=exponent)]
    if isinstance(program.node(connection.target), And):
        return [replace(connection, weight=np.full(connection.weight.shape, AND_WEIGHT, dtype=np.int32))]
    unit = units.of[connection.target]
    mantissa, exponent = quantise_weight(connection.weight, unit)
    quantised = replace(connection, weight=mantissa, exponent=exponent)
    if isinstance(program.node(connection.source), BiasLine):
        return [quantised, *_finer(quantised, connection, unit)]
    return [quantised]


def _finer(coarse: Dense | Sparse, wanted: Dense | Sparse, unit: int) -> list[Connection]:
    """A connection with what ``coarse`` lacks of ``wanted``, where there is anything."""
    rest = wanted.weight.astype(np.float64) * unit - coarse.weight.astype(np.float64) * 2.0**coarse.exponent
    mantissa, exponent = quantise_weight(rest, unit=1)
    if not mantissa.any():
        return []
    return [replace(wanted, weight=mantissa, exponent=exponent)]
