"""Quantise a float program to Loihi's integers: weights of 8 bits or fewer, 12-bit decays, 17-bit thresholds.

Every parameter is the nearest one that Loihi has: `dsf_export.quantise.group_scales` chooses the scale of each neuron
group, and `dsf_export.quantise.weight_rounding` is the rounding.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from dsf_export.quantise.parameter_rounding import integer_connections, integer_lif
from dsf_models.quantisation import Scales
from neuro_runtime.program.limits import CURRENT_SHIFT
from neuro_runtime.program.nodes import Accumulator, And, BiasLine, CurrentInput, GradedRelu, Lif, Node, SpikeInput
from neuro_runtime.program.program import Program
from neuro_runtime.program.weight_format import WeightFormat


def quantise(program: Program, scales: Scales, weight_format: WeightFormat) -> Program:
    """The Loihi program of a float one, node for node; nothing else is chosen here.

    Raises
    ------
    UserError
        A parameter has no Loihi value; the message names layer, value and limit.
    """
    connections = [
        integer
        for connection in program.connections
        for integer in integer_connections(
            program, connection, scales.of.get(connection.target, 1), scales.injected, weight_format
        )
    ]
    inverse_scale = program.readout.inverse_scale / scales.of[program.accumulator.name] / 2**CURRENT_SHIFT
    return replace(
        program,
        arithmetic="loihi",
        nodes=tuple(_node(node, scales) for node in program.nodes),
        connections=tuple(connections),
        encoder=replace(program.encoder, input_scale=float(scales.injected)),
        readout=replace(program.readout, inverse_scale=inverse_scale),
    )


def _node(node: Node, scales: Scales) -> Node:
    match node:
        case Lif():
            return integer_lif(node, scales.of[node.name])
        case And():
            return replace(node, threshold=And.threshold_of(node.fan_in, "loihi"))
        case CurrentInput() | SpikeInput() | BiasLine() | GradedRelu() | Accumulator():
            return node
        case _:
            assert_never(node)
