"""The rules of a program's graph: its nodes, who is connected to whom, and its gates."""

from __future__ import annotations

import math
from typing import assert_never

import numpy as np

from dsf_common.errors import UserError
from neuro_runtime.program.kernel import MOST_SYNAPSES
from neuro_runtime.program.limits import LARGEST_THRESHOLD
from neuro_runtime.program.nodes import (
    Accumulator,
    And,
    Convolution,
    CurrentInput,
    Dense,
    GradedRelu,
    Injection,
    Node,
    Sparse,
)
from neuro_runtime.program.program import Program, SpikingProgram
from neuro_runtime.program.requirements import Rule, require, title_of, within


def _known_arithmetic(program: SpikingProgram) -> None:
    require(program.arithmetic in ("float", "loihi"), f"arithmetic {program.arithmetic!r} is neither float nor loihi")


def _steps(program: SpikingProgram) -> None:
    require(program.active_steps >= 1, f"active_steps={program.active_steps} is below 1")
    require(
        program.period >= program.active_steps,
        f"period={program.period} is shorter than the {program.active_steps} active steps",
    )


def _unique_names(program: SpikingProgram) -> None:
    seen: set[str] = set()
    for node in program.nodes:
        require(node.name not in seen, f"two nodes are called {node.name}")
        require(node.size >= 1, f"{node.name} has size {node.size}, below 1")
        seen.add(node.name)


def _one_input_and_output(program: SpikingProgram) -> None:
    if not isinstance(program, Program):
        return
    for kind in (CurrentInput, Accumulator):
        count = sum(isinstance(node, kind) for node in program.nodes)
        require(count == 1, f"a program has one {kind.__name__}, this one has {count}")


def _known_ends(program: SpikingProgram) -> None:
    names = {node.name for node in program.nodes}
    for connection in program.connections:
        for end in (connection.source, connection.target):
            require(end in names, f"{title_of(connection)} names {end}, which is no node")


def _fitting_ends(program: SpikingProgram) -> None:
    """Injections start at the token's current, synapses at spikes, graded ones at lists; all end at neurons."""
    for connection in program.connections:
        source, target = program.node(connection.source), program.node(connection.target)
        fits = (
            source.spikes and not (source.graded and isinstance(connection, Dense))
            if connection.weighted
            else source.graded and not source.on_chip
        )
        require(fits, f"{title_of(connection)} cannot start at a {type(source).__name__}")
        require(target.has_state, f"{title_of(connection)} cannot end at a {type(target).__name__}")


def _shapes(program: SpikingProgram) -> None:
    for connection in program.connections:
        source, target = program.node(connection.source), program.node(connection.target)
        match connection:
            case Injection():
                fits = source.size == target.size
            case Dense():
                fits = connection.weight.shape == (target.size, source.size)
            case Sparse():
                fits = _sparse_fits(connection, source, target)
            case Convolution():
                fits = _convolution_fits(connection, source, target)
            case _:
                assert_never(connection)
        require(fits, f"{title_of(connection)} does not fit {source.size} sources and {target.size} targets")


def _sparse_fits(connection: Sparse, source: Node, target: Node) -> bool:
    arrays = (connection.source_index, connection.target_index, connection.weight, connection.delay)
    if any(array.ndim != 1 or len(array) != len(connection.weight) for array in arrays):
        return False
    return within(connection.source_index, 0, source.size - 1) and within(connection.target_index, 0, target.size - 1)


def _convolution_fits(connection: Convolution, source: Node, target: Node) -> bool:
    whole = (*connection.shape, *connection.stride, *connection.padding, *connection.dilation, connection.groups)
    require(all(isinstance(each, int) for each in whole), f"{title_of(connection)} has a geometry that is not whole")
    try:
        ends = math.prod(connection.shape), math.prod(connection.output_shape)
    except UserError:
        return False
    require(
        connection.most_synapses <= MOST_SYNAPSES,
        f"{title_of(connection)} stands for {connection.most_synapses:,} synapses, more than {MOST_SYNAPSES:,}",
    )
    return ends == (source.size, target.size)


def _delays(program: SpikingProgram) -> None:
    for connection in program.connections:
        shortest = int(np.min(connection.delay, initial=0))
        require(shortest >= 0, f"{title_of(connection)} has delay {shortest}, below 0")
    for injection in program.injections:
        last = injection.delay + program.active_steps
        require(
            last <= program.period, f"{title_of(injection)} ends at time step {last} of a period of {program.period}"
        )


def _fan_in(program: SpikingProgram) -> None:
    """Each AND gate has exactly ``fan_in`` synapses, all of the weight that its threshold is made for."""
    for node in program.nodes:
        if not isinstance(node, And):
            continue
        synapses = np.zeros(node.size, dtype=int)
        for connection in program.connections_into(node.name):
            require(isinstance(connection, Sparse), f"{title_of(connection)} must list its synapses, one a gate")
            assert isinstance(connection, Sparse)
            wanted = And.weight(program.arithmetic)
            require(
                bool((connection.weight == wanted).all()) and connection.exponent == 0,
                f"{title_of(connection)} into AND gates must have weight {wanted} and exponent 0",
            )
            synapses += np.bincount(connection.target_index, minlength=node.size)
        require(node.fan_in >= 1, f"{node.name} has fan_in {node.fan_in}, below 1")
        wrong = np.flatnonzero(synapses != node.fan_in)
        if len(wrong):
            raise UserError(f"{node.name}[{wrong[0]}] has {synapses[wrong[0]]} synapses, its fan_in is {node.fan_in}")


def _and_thresholds(program: SpikingProgram) -> None:
    for node in program.nodes:
        if isinstance(node, And):
            wanted = And.threshold_of(node.fan_in, program.arithmetic)
            require(
                node.threshold == wanted,
                f"{node.name} has threshold {node.threshold}; {node.fan_in} inputs need {wanted}",
            )
            require(
                program.arithmetic != "loihi" or wanted <= LARGEST_THRESHOLD,
                f"{node.name} has {node.fan_in} inputs and threshold {wanted}, above {LARGEST_THRESHOLD}",
            )


def _graded_loops(program: SpikingProgram) -> None:
    """A graded spike that comes back to its neuron could grow without end."""
    graded = {node.name for node in program.nodes if isinstance(node, GradedRelu)}
    carried = {(item.source, item.target) for item in program.connections if {item.source, item.target} <= graded}
    while graded:
        first = {name for name in graded if not any(target == name and source in graded for source, target in carried)}
        require(bool(first), f"the graded spikes of {', '.join(sorted(graded))} come back to them")
        graded -= first


GRAPH_RULES: tuple[Rule, ...] = (
    _known_arithmetic,
    _steps,
    _unique_names,
    _one_input_and_output,
    _known_ends,
    _fitting_ends,
    _shapes,
    _delays,
    _fan_in,
    _and_thresholds,
    _graded_loops,
)
