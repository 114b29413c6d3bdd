"""In which time steps of a decision anything can arrive at each node."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.decay import keeps_current
from neuro_runtime.program.nodes import Connection, Dense, Injection, Sparse
from neuro_runtime.program.program import Program

TimeSteps = NDArray[np.bool_]  # (period,)


def arrival_steps(program: Program) -> dict[str, TimeSteps]:
    """The time steps, (period,), in which a loihi program's nodes with states can be brought current.

    They are the same in every decision: a delay beyond the period's end goes on from its beginning. A neuron can spike
    in a time step in which nothing arrives only if it keeps some current, since v alone decays towards 0 from a value
    that the threshold has let pass.
    """
    active = np.arange(program.period) < program.active_steps
    steps = {node.name: np.zeros(program.period, dtype=bool) for node in program.neurons}
    emitted = {node.name: active for node in program.nodes if not node.has_state}
    while True:
        for node in program.neurons:
            always = keeps_current(node) and bool(steps[node.name].any())
            emitted[node.name] = np.ones(program.period, dtype=bool) if always else steps[node.name].copy()
        before = sum(int(these.sum()) for these in steps.values())
        for connection in program.connections:
            for delay in _time_steps_taken(connection):
                steps[connection.target] |= np.roll(emitted[connection.source], delay)
        if sum(int(these.sum()) for these in steps.values()) == before:
            return steps


def _time_steps_taken(connection: Connection) -> list[int]:
    match connection:
        case Injection():
            return [connection.delay]
        case Dense():
            return [connection.delay + 1]
        case Sparse():
            taken: list[int] = (np.unique(connection.delay) + 1).tolist()
            return taken
