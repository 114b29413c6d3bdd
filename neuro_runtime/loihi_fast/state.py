"""What the lanes of a simulation remember between decisions, and what they count."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.loihi_fast.layout import Layout, Table

Values = NDArray[np.int32]
Neurons = NDArray[np.uint32]
Flags = NDArray[np.bool_]

TALLY = np.dtype(
    [
        ("has_current", "?"),  # whether any u of the node has yet to decay
        ("stepped", "i8"),  # time steps that its u and v have been through
        ("spikes", "i8"),  # emitted in the last decision
        ("largest_current", "i4"),  # |u| before it wraps, since the beginning
        ("largest_voltage", "i4"),  # |v| before it saturates or is reset, since the beginning
    ]
)


class State(NamedTuple):
    """Everything that changes, one row a lane, and all the memory that stepping needs."""

    time: NDArray[np.int64]  # (lanes,), time steps since the beginning
    current: Values  # u, (lanes, neurons)
    voltage: Values  # v, (lanes, neurons)
    fired_count: Values  # (lanes, slots)
    fired: Neurons  # (lanes, …), in each slot the neurons that fired
    tally: Table  # (lanes, nodes)
    # Scratch for the node that is being stepped, as wide as the widest.
    arrives: Flags  # (lanes, period), whether anything does
    arriving: Values  # (lanes, period, neurons), the currents that do
    brings: Flags  # (lanes, period), whether a connection brings anything
    total: Values  # (lanes, period, neurons), what it brings
    partial: NDArray[np.int16]  # (lanes, neurons)


def blank_state(layout: Layout, lanes: int) -> State:
    """The state of ``lanes`` lanes that have seen nothing."""
    nodes = layout.nodes
    neurons, last = int(nodes["end_neuron"][-1]), nodes[-1]
    widest = int((nodes["end_neuron"] - nodes["first_neuron"]).max())
    return State(
        time=np.zeros(lanes, np.int64),
        current=np.zeros((lanes, neurons), np.int32),
        voltage=np.zeros((lanes, neurons), np.int32),
        fired_count=np.zeros((lanes, int(nodes["slots"].sum())), np.int32),
        fired=np.zeros((lanes, int(last["first_fired"] + last["slots"] * widest)), np.uint32),
        tally=np.zeros((lanes, len(nodes)), TALLY),
        arrives=np.zeros((lanes, layout.period), np.bool_),
        arriving=np.zeros((lanes, layout.period, widest), np.int32),
        brings=np.zeros((lanes, layout.period), np.bool_),
        total=np.zeros((lanes, layout.period, widest), np.int32),
        partial=np.zeros((lanes, widest), np.int16),
    )


def forget(state: State, lane: int) -> None:
    """Clear what the lane remembers: states, and spikes in flight."""
    state.current[lane] = 0
    state.voltage[lane] = 0
    state.fired_count[lane] = 0
    state.tally["has_current"][lane] = False
