"""Nodes work as early as they can, and a decision takes as many time steps as it must.

**Match.** A program whose layers each work in T consecutive time steps, on the same time steps of all their sources: it
keeps no current, its v are 0 before the first of these, and its accumulator cannot overflow in any order. Graded
neurons, which remember nothing, may be reached by spikes of up to T − 1 earlier and later time steps, if they can spike
in these T alone. The new period is shorter.

**Keeps.** Every spike, in the same of the T time steps of its node.

**Exact**, since such a node's spikes follow from what arrives in its T time steps, in their order, and from nothing
before or between. A path of j decisions ago stays one. The new period is the least in which the whole answer arrives
and the largest v that a node can have after its last time step decays to exactly 0 before the next decision's first;
`reachable` bounds that v, which is below the 24 bits that a lowered program makes room for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, assert_never

import numpy as np
from numpy.typing import NDArray

from dsf_export.optimise.program_pass import ProgramPass, Subject
from neuro_runtime.program.arrival import first_arrivals
from neuro_runtime.program.decay import keeps_current, voltage_loss
from neuro_runtime.program.headroom import largest_sum_of_decision
from neuro_runtime.program.limits import CURRENT_SHIFT, DECAY_BITS, DECAY_ONE, LONGEST_DECAY, STATE_LIMIT
from neuro_runtime.program.nodes import Accumulator, Connection, Dense, GradedRelu, Injection, Lif, Neurons, Sparse
from neuro_runtime.program.program import Program
from neuro_runtime.program.weight_matrices import is_whole

Numbers = tuple[NDArray[np.int64], ...]


@dataclass(frozen=True, eq=False)
class Schedule:
    """When nodes work, in time steps from a decision's beginning.

    Attributes
    ----------
    start
        Of each node, the first of its T time steps; of the accumulator, that of its latest source's answer.
    ago
        Of each connection, how many decisions ago its spikes were; a list has a number for each synapse.
    later
        Likewise, by how many time steps they come later than the same of T time steps of their target.
    resets
        The nodes that have to be reset in their first time step.
    """

    start: dict[str, int]
    ago: Numbers
    later: Numbers
    period: int
    resets: frozenset[str] = frozenset()


class ShortestPeriod(ProgramPass[Schedule]):
    """See the module."""

    name = "shortest period"
    resets: ClassVar[bool] = False  # whether it may reset LIF neurons that would not decay in time

    def match(self, subject: Subject) -> Schedule | None:
        schedule = shortest_schedule(subject, may_reset=self.resets)
        return schedule if schedule and schedule.period < subject.program.period else None

    def transform(self, program: Program, match: Schedule) -> Program:
        return scheduled(program, match)


def shortest_schedule(subject: Subject, may_reset: bool) -> Schedule | None:
    """The schedule with the shortest period; None for a program that is not aligned, or keeps too much.

    LIF nodes that may be reset need not be idle.
    """
    program, arrivals = subject.program, first_arrivals(subject.program)
    paths = _paths(program, arrivals)
    if paths is None or not all(_may_move(subject, node, arrivals) for node in program.neurons):
        return None
    ago, later = paths
    start = _starts(program, ago, later)
    idle = {node.name: _idle(subject, node) for node in program.neurons if node.spikes}
    can_be_reset = {node.name for node in program.nodes if isinstance(node, Lif) and may_reset}
    waits = [steps for name, steps in idle.items() if name not in can_be_reset]
    if any(each.any() for each in later):
        waits.append(2 * (program.active_steps - 1))  # or sums over time steps of two decisions would meet
    between = max(*start.values(), *waits)
    resets = frozenset(name for name in can_be_reset if idle[name] > between)
    return Schedule(start, ago, later, program.active_steps + between, resets)


def scheduled(program: Program, schedule: Schedule) -> Program:
    """The program whose nodes work, and are reset, as a schedule says."""
    connections = tuple(
        _delayed(item, schedule, ago, later, isinstance(program.node(item.target), Accumulator))
        for item, ago, later in zip(program.connections, schedule.ago, schedule.later, strict=True)
    )
    nodes = tuple(
        replace(node, reset_step=schedule.start[node.name] if node.name in schedule.resets else None)
        if isinstance(node, Lif)
        else node
        for node in program.nodes
    )
    return replace(program, period=schedule.period, nodes=nodes, connections=connections)


def _may_move(subject: Subject, node: Neurons, arrivals: Mapping[str, int]) -> bool:
    """Whether what a node does follows from what arrives in its time steps alone."""
    program, known = subject.program, subject.reachable
    if isinstance(node, GradedRelu):
        spikes = np.flatnonzero(known.possible[node.name].any(axis=1))
        first = arrivals[node.name]
        return not len(spikes) or (spikes[0] >= first and spikes[-1] < first + program.active_steps)
    if isinstance(node, Accumulator):
        arriving = [item for item in program.connections_into(node.name) if item.weighted]

        def emissions(source: str) -> int:
            spikes = known.possible.get(source)
            return program.active_steps if spikes is None else int(spikes.any(axis=1).sum())

        most = largest_sum_of_decision(program, node, emissions, subject.token) * 2**CURRENT_SHIFT
        return all(map(is_whole, arriving)) and most < STATE_LIMIT
    steps = np.flatnonzero(known.arriving[node.name])
    in_a_row = not len(steps) or steps[-1] - steps[0] < program.active_steps
    return in_a_row and not keeps_current(node) and known.begins_at_zero(node) and known.waits_for_input(node.name)


def _paths(program: Program, arrivals: Mapping[str, int]) -> tuple[Numbers, Numbers] | None:
    """Decisions by which a synapse's source is ahead of its target and time steps by which it is later, a number a
    synapse each; None if not aligned.
    """
    all_ago, all_later = [], []
    for connection in program.connections:
        if connection.source not in arrivals or connection.target not in arrivals:
            return None
        begins = arrivals[connection.source] + np.asarray(connection.delay, dtype=np.int64) + connection.weighted
        later = np.zeros_like(begins)
        match program.node(connection.target):
            case Accumulator():
                ago, step = np.divmod(begins, program.period)
                aligned = bool((step + program.active_steps <= program.period).all())
            case GradedRelu():
                earliest = 1 - program.active_steps
                ago, step = np.divmod(begins - arrivals[connection.target] - earliest, program.period)
                later = step + earliest
                aligned = bool((later < program.active_steps).all())
            case _:
                ago, step = np.divmod(begins - arrivals[connection.target], program.period)
                aligned = not step.any()
        if not aligned:
            return None
        all_ago.append(ago)
        all_later.append(later)
    return tuple(all_ago), tuple(all_later)


def _starts(program: Program, all_ago: Numbers, all_later: Numbers) -> dict[str, int]:
    """The longest way of this decision's spikes to each node, in hops; to the accumulator, that of any."""
    start, action = {node.name: 0 for node in program.nodes}, program.accumulator.name
    for _ in program.nodes:
        for connection, ago, later in zip(program.connections, all_ago, all_later, strict=True):
            if connection.weighted and (connection.target == action or (ago == 0).any()):
                way = 1 - int(later.min(initial=0))
                start[connection.target] = max(start[connection.target], start[connection.source] + way)
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


def _delayed(
    connection: Connection,
    schedule: Schedule,
    ago: NDArray[np.int64],
    later: NDArray[np.int64],
    is_summed: bool,
) -> Connection:
    wait = 0 if is_summed else schedule.start[connection.target] - schedule.start[connection.source]
    delay = wait + later + ago * schedule.period - (connection.weighted and not is_summed)
    match connection:
        case Injection() | Dense():
            return replace(connection, delay=int(delay))
        case Sparse():
            return replace(connection, delay=delay.astype(np.int32))
        case _:
            assert_never(connection)
