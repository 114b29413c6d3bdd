"""The memory of a simulation's lanes between decisions, and their counts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.simulators.loihi_fast.tables import ProgramTables, Table

Values = NDArray[np.int32]
Neurons = NDArray[np.unsignedinteger[Any]]
Flags = NDArray[np.bool_]

LARGEST_UINT16 = 2**16 - 1

TALLY = np.dtype(
    [
        ("has_current", "?"),  # whether any u of the node has yet to decay
        ("stepped", "i8"),  # time steps that its u and v have been through
        ("spikes", "i8"),  # emitted in the last decision
        ("largest_current", "i4"),  # |u| before it wraps, since the beginning
        ("largest_voltage", "i4"),  # |v| before it saturates or is reset, since the beginning
        # Arrivals of a time step, in weight units, since the beginning; counted where u alone does not tell it.
        ("largest_synaptic", "i4"),
        ("largest_injected", "i4"),
        ("largest_arrival", "i4"),  # both together
    ]
)


class State(NamedTuple):
    """Everything that is remembered, one row a lane."""

    time: NDArray[np.int64]  # (lanes,), time steps since the beginning
    current: Values  # u, (lanes, neurons)
    voltage: Values  # v, (lanes, neurons)
    fired_count: Values  # (lanes, slots)
    fired: Neurons  # (lanes, …), in each slot the neurons that fired
    number: Values  # (lanes, …), of graded nodes the number that each one's spike carries, likewise
    tally: Table  # (lanes, nodes)


class Workspace(NamedTuple):
    """Working memory of the node that is being stepped, one row a worker, as wide as the widest node.

    Lanes share it, so that it stays in the cache however many there are.
    """

    arrives: Flags  # (workers, period), whether anything does
    arriving: Values  # (workers, period, neurons), the currents that do
    brings: Flags  # (workers, period), whether a sum that has yet to be shifted brings anything
    total: Values  # (workers, period, neurons), what it brings


def blank_state(tables: ProgramTables, lanes: int) -> State:
    """The state of ``lanes`` lanes that have seen nothing."""
    sizes = _sizes(tables)
    room = tables.nodes["slots"] * sizes
    fired, numbers = int(room.sum()), int(room[tables.nodes["is_graded"]].sum())
    return State(
        time=np.zeros(lanes, np.int64),
        current=np.zeros((lanes, int(sizes.sum())), np.int32),
        voltage=np.zeros((lanes, int(sizes.sum())), np.int32),
        fired_count=np.zeros((lanes, int(tables.nodes["slots"].sum())), np.int32),
        fired=np.zeros((lanes, fired), np.uint16 if sizes.max() <= LARGEST_UINT16 else np.uint32),
        number=np.zeros((lanes, numbers), np.int32),
        tally=np.zeros((lanes, len(sizes)), TALLY),
    )


def new_workspace(tables: ProgramTables, workers: int) -> Workspace:
    """Working memory for ``workers`` threads."""
    widest = int(_sizes(tables).max())
    return Workspace(
        arrives=np.zeros((workers, tables.period), np.bool_),
        arriving=np.zeros((workers, tables.period, widest), np.int32),
        brings=np.zeros((workers, tables.period), np.bool_),
        total=np.zeros((workers, tables.period, widest), np.int32),
    )


def forget(state: State, lane: int) -> None:
    """Clear what the lane remembers: states, and spikes in flight."""
    state.current[lane] = 0
    state.voltage[lane] = 0
    state.fired_count[lane] = 0
    state.tally["has_current"][lane] = False


def _sizes(tables: ProgramTables) -> NDArray[np.int64]:
    sizes: NDArray[np.int64] = tables.nodes["end_neuron"] - tables.nodes["first_neuron"]
    return sizes
