"""In which time steps of a decision anything can arrive at each node, and each can emit a spike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.decay import keeps_current
from neuro_runtime.program.nodes import Connection, Dense, Injection, Sparse
from neuro_runtime.program.program import SpikingProgram

TimeSteps = NDArray[np.bool_]  # (period,)


@dataclass(frozen=True, eq=False)
class ActiveTimeSteps:
    """The time steps of a decision, (period,), in which anything can happen.

    Attributes
    ----------
    arriving
        In which a node with states can be brought current, by name.
    emitted
        In which a node can emit spikes or the host's current, by name.
    """

    arriving: dict[str, TimeSteps]
    emitted: dict[str, TimeSteps]


def arrival_steps(program: SpikingProgram) -> dict[str, TimeSteps]:
    """The ``arriving`` of :func:`active_time_steps`."""
    return active_time_steps(program).arriving


def active_time_steps(program: SpikingProgram) -> ActiveTimeSteps:
    """The time steps in which a program's nodes can be reached and can emit.

    They are the same in every decision: a delay beyond the period's end goes on from its beginning. A neuron can spike
    in a time step in which nothing arrives only if it keeps some current, since v alone decays towards 0 from a value
    that the threshold has let pass. A source that is no node of the program, which may be a part of one, emits in the
    active time steps.
    """
    active = np.arange(program.period) < program.active_steps
    steps = {node.name: np.zeros(program.period, dtype=bool) for node in program.neurons}
    emitted = {node.name: active for node in program.nodes if not node.has_state}
    while True:
        for node in program.neurons:
            always = keeps_current(node, program.arithmetic) and bool(steps[node.name].any())
            emitted[node.name] = np.ones(program.period, dtype=bool) if always else steps[node.name].copy()
        before = sum(int(these.sum()) for these in steps.values())
        for connection in program.unfolded:
            for delay in _time_steps_taken(connection):
                steps[connection.target] |= np.roll(emitted.setdefault(connection.source, active), delay)
        if sum(int(these.sum()) for these in steps.values()) == before:
            return ActiveTimeSteps(steps, emitted)


def _time_steps_taken(connection: Connection) -> list[int]:
    match connection:
        case Injection():
            return [connection.delay]
        case Dense():
            return [connection.delay + 1]
        case Sparse():
            taken: list[int] = (np.unique(connection.delay) + 1).tolist()
            return taken
