"""Nodes work as early as they can, and a decision takes as many time steps as it must.

**Match.** A program whose layers each work in T consecutive time steps, on the same time steps of all their sources: it
keeps no current, its v are 0 before the first of these, and its accumulator cannot overflow in any order. The new
period is shorter.

**Keeps.** Every spike, in the same of the T time steps of its node.

**Exact**, since such a node's spikes follow from what arrives in its T time steps, in their order, and from nothing
before or between. A path of j decisions ago stays one. The new period is the least in which the whole answer arrives
and the largest v that a node can have after its last time step decays to exactly 0 before the next decision's first;
`reachable` bounds that v, which is below the 24 bits that a lowered program makes room for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from dsf_export.optimise.program_pass import ProgramPass, Subject
from neuro_runtime.program.active_time_steps import active_time_steps
from neuro_runtime.program.arrival import first_arrivals
from neuro_runtime.program.decay import keeps_current, voltage_loss
from neuro_runtime.program.headroom import state_bounds
from neuro_runtime.program.limits import DECAY_BITS, DECAY_ONE, LONGEST_DECAY, STATE_LIMIT
from neuro_runtime.program.nodes import Accumulator, Connection, Dense, Injection, Lif, Neurons, Sparse
from neuro_runtime.program.program import Program
from neuro_runtime.program.weight_matrices import is_whole


@dataclass(frozen=True, eq=False)
class Schedule:
    """When nodes work, in time steps from a decision's beginning.

    Attributes
    ----------
    start
        Of each node, the first of its T time steps; of the accumulator, that of its latest source's answer.
    ago
        Of each connection, how many decisions ago its spikes were; a list has a number for each synapse.
    resets
        The nodes that have to be reset in their first time step.
    """

    start: dict[str, int]
    ago: tuple[NDArray[np.int64], ...]
    period: int
    resets: frozenset[str] = frozenset()


class ShortestPeriod(ProgramPass[Schedule]):
    """See the module."""

    name = "shortest period"

    def match(self, subject: Subject) -> Schedule | None:
        schedule = shortest_schedule(subject, may_reset=False)
        return schedule if schedule and schedule.period < subject.program.period else None

    def transform(self, program: Program, match: Schedule) -> Program:
        return scheduled(program, match)


def shortest_schedule(subject: Subject, may_reset: bool) -> Schedule | None:
    """The schedule with the shortest period; None for a program that is not aligned, or keeps too much.

    LIF nodes that may be reset need not be idle.
    """
    program = subject.program
    ago = _decisions_ago(program)
    if ago is None or not all(_may_move(subject, node) for node in program.neurons):
        return None
    start = _starts(program, ago)
    idle = {node.name: _idle(subject, node) for node in program.neurons if node.spikes}
    can_be_reset = {node.name for node in program.nodes if isinstance(node, Lif) and may_reset}
    waits = (steps for name, steps in idle.items() if name not in can_be_reset)
    between = max(*start.values(), *waits)
    resets = frozenset(name for name in can_be_reset if idle[name] > between)
    return Schedule(start, ago, program.active_steps + between, resets)


def scheduled(program: Program, schedule: Schedule) -> Program:
    """The program whose nodes work, and are reset, as a schedule says."""
    connections = tuple(
        _delayed(item, schedule, ago, isinstance(program.node(item.target), Accumulator))
        for item, ago in zip(program.connections, schedule.ago, strict=True)
    )
    nodes = tuple(
        replace(node, reset_step=schedule.start[node.name] if node.name in schedule.resets else None)
        if isinstance(node, Lif)
        else node
        for node in program.nodes
    )
    return replace(program, period=schedule.period, nodes=nodes, connections=connections)


def _may_move(subject: Subject, node: Neurons) -> bool:
    """Whether what a node does follows from what arrives in its time steps alone."""
    program, known = subject.program, subject.reachable
    if isinstance(node, Accumulator):
        arriving = [item for item in program.connections_into(node.name) if item.weighted]
        _, most = state_bounds(program, node, active_time_steps(program), subject.token)
        return all(map(is_whole, arriving)) and most < STATE_LIMIT
    steps = np.flatnonzero(known.arriving[node.name])
    in_a_row = not len(steps) or steps[-1] - steps[0] < program.active_steps
    return in_a_row and not keeps_current(node) and known.begins_at_zero(node) and known.waits_for_input(node.name)


def _decisions_ago(program: Program) -> tuple[NDArray[np.int64], ...] | None:
    """Decisions by which a synapse's source is ahead of its target, a number a synapse; None if not aligned."""
    arrivals = first_arrivals(program)
    all_ago = []
    for connection in program.connections:
        if connection.source not in arrivals or connection.target not in arrivals:
            return None
        begins = arrivals[connection.source] + np.asarray(connection.delay, dtype=np.int64) + connection.weighted
        if isinstance(program.node(connection.target), Accumulator):
            ago, step = np.divmod(begins, program.period)
            aligned = bool((step + program.active_steps <= program.period).all())
        else:
            ago, step = np.divmod(begins - arrivals[connection.target], program.period)
            aligned = not step.any()
        if not aligned:
            return None
        all_ago.append(ago)
    return tuple(all_ago)


def _starts(program: Program, all_ago: tuple[NDArray[np.int64], ...]) -> dict[str, int]:
    """The longest way of this decision's spikes to each node, in hops; to the accumulator, that of any."""
    start, action = {node.name: 0 for node in program.nodes}, program.accumulator.name
    for _ in program.nodes:
        for connection, ago in zip(program.connections, all_ago, strict=True):
            if connection.weighted and (connection.target == action or (ago == 0).any()):
                start[connection.target] = max(start[connection.target], start[connection.source] + 1)
    return start


def _idle(subject: Subject, node: Neurons) -> int:
    """Time steps between the last of a decision's and the first of the next one's, in which v decays to 0.

    The first of the next one's is a decay as well, before anything is added.
    """
    name, loss = node.name, voltage_loss(node.as_lif("loihi"))
    state = int(max(-subject.reachable.lowest[name].min(), subject.reachable.highest[name].max()))
    steps = 0
    while state and steps < LONGEST_DECAY:
        state = state * (DECAY_ONE - loss) >> DECAY_BITS
        steps += 1
    return max(steps - 1, 0)


def _delayed(connection: Connection, schedule: Schedule, ago: NDArray[np.int64], is_summed: bool) -> Connection:
    wait = 0 if is_summed else schedule.start[connection.target] - schedule.start[connection.source]
    delay = wait + ago * schedule.period - (connection.weighted and not is_summed)
    match connection:
        case Injection() | Dense():
            return replace(connection, delay=int(delay))
        case Sparse():
            return replace(connection, delay=delay.astype(np.int32))
        case _:
            assert_never(connection)
