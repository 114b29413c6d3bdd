"""A loihi program as flat tables of numbers, the form in which compiled code steps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.active_time_steps import arrival_steps
from neuro_runtime.program.decay import current_loss, effective_threshold, keeps_current, steps_to_zero, voltage_loss
from neuro_runtime.program.limits import DECAY_ONE
from neuro_runtime.program.nodes import Accumulator, BiasLine, GradedRelu, Lif, Node, Sparse, SpikeInput, Weighted
from neuro_runtime.program.program import Program, SpikingProgram
from neuro_runtime.program.weight_matrices import WeightMatrix, dense_matrices, is_whole
from neuro_runtime.simulators.loihi_fast.order import Group, stepping_groups

Table = NDArray[Any]  # of records
NEVER = -1  # no time step
ALL_TIME = np.iinfo(np.int64).max  # more time steps than there can be

# Where one thing has several of another, they are `first_…` up to but not including `end_…`.
GROUP = np.dtype([("first_node", "i8"), ("end_node", "i8"), ("is_loop", "?")])
NODE = np.dtype(
    [
        ("first_neuron", "i8"),
        ("end_neuron", "i8"),
        ("is_line", "?"),
        ("is_input", "?"),
        ("first_column", "i8"),  # of an input in a row of the host's numbers
        ("is_accumulator", "?"),
        ("keep_current", "i4"),  # in 1/4096
        ("keep_voltage", "i4"),  # in 1/4096
        ("threshold", "i4"),  # in units of v
        ("steps_to_zero", "i8"),  # in which any v decays to 0 if nothing arrives
        ("reset_step", "i8"),  # of a decision, which begins with u = v = 0; −1 for none
        ("slots", "i8"),  # time steps in the ring of its past spikes, a power of two
        ("first_slot", "i8"),
        ("first_fired", "i8"),  # room for every neuron in every slot
        ("is_graded", "?"),  # its spikes carry numbers
        ("first_number", "i8"),  # of a graded one, likewise
        ("first_injection", "i8"),
        ("end_injection", "i8"),
        ("first_sum", "i8"),
        ("end_sum", "i8"),
    ]
)
INJECTION = np.dtype([("delay", "i8"), ("exponent", "i8"), ("first_column", "i8")])
SUM = np.dtype(
    [
        ("shift", "i8"),  # to the right, with a floor
        ("first_bundle", "i8"),
        ("end_bundle", "i8"),
    ]
)
BUNDLE = np.dtype(
    [
        ("source", "i8"),  # a node
        ("delay", "i8"),
        ("is_dense", "?"),
        ("start", "i8"),  # of its synapses in `dense_weight`, or of its rows in `row`
    ]
)


class ProgramTables(NamedTuple):
    """Tables of a program; nodes are numbered in the order in which they are stepped.

    A node is given a few sums by its synapses. Exponents are multiplied into the weights, which are then as much as 16
    bits wide, so that all such synapses meet in one sum, whatever their exponents and sources; each connection whose
    weights a negative exponent does not leave whole is a sum of its own, since its shift floors. A *bundle* is the
    synapses of a sum with one source and one delay, sorted by source neuron.
    """

    period: int
    active_steps: int
    holds_input: bool
    groups: Table
    nodes: Table
    injections: Table
    sums: Table
    bundles: Table
    dense_weight: NDArray[np.int16]  # from every source neuron to every target
    row: NDArray[np.int32]  # source neuron n's listed synapses are row[start + n] … row[start + n + 1]
    listed_weight: NDArray[np.int16]
    listed_target: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class NumberedProgram:
    """The tables, and which of their numbers stand for what.

    Attributes
    ----------
    names
        The nodes', in the tables' order.
    neurons
        Where each node's neurons stand among all of the program's.
    """

    tables: ProgramTables
    names: tuple[str, ...]
    neurons: dict[str, slice]


def tabulate(program: SpikingProgram) -> NumberedProgram:
    """The tables of a valid program in loihi arithmetic."""
    groups = stepping_groups(program)
    names = [name for group in groups for name in group.names]
    builder = _TableBuilder(
        program, {name: n for n, name in enumerate(names)}, _columns(program), _steps_between_inputs(program)
    )
    for name in names:
        builder.add_node(program.node(name))
    tables = ProgramTables(
        program.period, program.active_steps, program.holds_input, _groups(groups), **builder.members()
    )
    neurons = {
        name: slice(int(node["first_neuron"]), int(node["end_neuron"]))
        for name, node in zip(names, tables.nodes, strict=True)
    }
    return NumberedProgram(tables, tuple(names), neurons)


def _columns(program: SpikingProgram) -> dict[str, int]:
    """The first column of each input node in a row of the host's numbers."""
    ends = np.cumsum([node.size for node in program.inputs]).tolist()
    return {node.name: end - node.size for node, end in zip(program.inputs, ends, strict=True)}


def _groups(groups: list[Group]) -> Table:
    ends = np.cumsum([len(group.names) for group in groups]).tolist()
    rows = [(end - len(group.names), end, group.is_loop) for group, end in zip(groups, ends, strict=True)]
    return np.array(rows, dtype=GROUP)


@dataclass
class _TableBuilder:
    """The tables of nodes, sums and synapses under construction, and how much space they have given away."""

    program: SpikingProgram
    number: dict[str, int]
    columns: dict[str, int]
    resting: dict[str, int]
    nodes: list[tuple[Any, ...]] = field(default_factory=list)
    injections: list[tuple[int, int, int]] = field(default_factory=list)
    sums: list[tuple[int, int, int]] = field(default_factory=list)
    bundles: list[tuple[int, int, bool, int]] = field(default_factory=list)
    dense_weight: list[NDArray[np.int16]] = field(default_factory=list)
    row: list[NDArray[np.int32]] = field(default_factory=list)
    listed_weight: list[NDArray[np.int16]] = field(default_factory=list)
    listed_target: list[NDArray[np.int32]] = field(default_factory=list)
    neurons: int = 0
    slots: int = 0
    fired: int = 0
    numbers: int = 0

    def add_node(self, node: Node) -> None:
        """Add a node with everything that arrives at it."""
        first_injection, first_sum = len(self.injections), len(self.sums)
        arriving = self.program.connections_into(node.name)
        self.injections += [
            (item.delay, item.exponent, self.columns[item.source]) for item in arriving if not item.weighted
        ]
        connections = [_without_floor(item) for item in arriving if item.weighted and item.weight.any()]
        self._add_sum([item for item in connections if item.exponent >= 0], shift=0)
        for connection in connections:
            if connection.exponent < 0:
                self._add_sum([connection], shift=-connection.exponent)
        slots = _power_of_two(self.program.period + 1 + self._longest_delay(node))
        self.nodes.append(
            (
                *(self.neurons, self.neurons + node.size),
                *(isinstance(node, BiasLine), isinstance(node, SpikeInput)),
                *(self.columns.get(node.name, 0), isinstance(node, Accumulator)),
                *_parameters(node, self.resting),
                *(slots, self.slots, self.fired),
                *(isinstance(node, GradedRelu), self.numbers),
                *(first_injection, len(self.injections)),
                *(first_sum, len(self.sums)),
            )
        )
        self.neurons += node.size
        self.slots += slots
        self.fired += slots * node.size
        self.numbers += slots * node.size * isinstance(node, GradedRelu)

    def members(self) -> dict[str, Any]:
        """The members of a `ProgramTables` that stand here."""
        return {
            "nodes": np.array(self.nodes, dtype=NODE),
            "injections": np.array(self.injections, dtype=INJECTION),
            "sums": np.array(self.sums, dtype=SUM),
            "bundles": np.array(self.bundles, dtype=BUNDLE),
            "dense_weight": np.concatenate([np.zeros(0, np.int16), *self.dense_weight]),
            "row": np.concatenate([np.zeros(0, np.int32), *self.row]),
            "listed_weight": np.concatenate([np.zeros(0, np.int16), *self.listed_weight]),
            "listed_target": np.concatenate([np.zeros(0, np.int32), *self.listed_target]),
        }

    def _add_sum(self, connections: list[Weighted], shift: int) -> None:
        first_bundle = len(self.bundles)
        for (source, delay), weights in _merged(connections).items():
            for weight in weights:
                self.bundles.append((self.number[source], delay, True, _size(self.dense_weight)))
                self.dense_weight.append(weight.T.reshape(-1))
        for (source, delay), synapses in _listed(connections).items():
            self._add_listed(source, delay, synapses)
        if len(self.bundles) > first_bundle:
            self.sums.append((shift, first_bundle, len(self.bundles)))

    def _add_listed(self, source: str, delay: int, synapses: NDArray[np.int64]) -> None:
        """The bundle of synapses (source neuron, target neuron, weight), shape (synapses, 3)."""
        ordered = synapses[np.argsort(synapses[:, 0], kind="stable")]
        sources = np.arange(self.program.node(source).size + 1)
        row = np.searchsorted(ordered[:, 0], sources) + _size(self.listed_weight)
        self.bundles.append((self.number[source], delay, False, _size(self.row)))
        self.row.append(row.astype(np.int32))
        self.listed_weight.append(ordered[:, 2].astype(np.int16))
        self.listed_target.append(ordered[:, 1].astype(np.int32))

    def _longest_delay(self, node: Node) -> int:
        delays = (np.max(connection.delay, initial=0) for connection in self.program.connections_from(node.name))
        return max((int(delay) for delay in delays), default=0)


def _without_floor(connection: Weighted) -> Weighted:
    """The connection with its exponent multiplied in, if that is negative and every weight stays whole."""
    if connection.exponent >= 0 or not is_whole(connection):
        return connection
    return replace(connection, weight=np.asarray(connection.weight) >> -connection.exponent, exponent=0)


def _merged(connections: list[Weighted]) -> dict[tuple[str, int], list[NDArray[np.int16]]]:
    """The weights of dense connections by source and delay, added up as far as 16 bits hold them."""
    return {(place.source, place.delay): _added_up(matrix) for place, matrix in dense_matrices(connections).items()}


def _added_up(matrix: WeightMatrix) -> list[NDArray[np.int16]]:
    sums: list[NDArray[np.int64]] = []
    for part, exponent in zip(matrix.parts, matrix.exponents, strict=True):
        weight = _shifted(part, exponent)
        if sums and _fits(sums[-1] + weight):
            sums[-1] += weight
        else:
            sums.append(weight)
    return [weight.astype(np.int16) for weight in sums]


def _listed(connections: list[Weighted]) -> dict[tuple[str, int], NDArray[np.int64]]:
    """The synapses of sparse connections by source and delay, each as source neuron, target neuron and weight."""
    listed: dict[tuple[str, int], list[NDArray[np.int64]]] = {}
    for connection in connections:
        if isinstance(connection, Sparse):
            synapses = (
                connection.source_index,
                connection.target_index,
                _shifted(connection.weight, connection.exponent),
            )
            table = np.stack(synapses, axis=1, dtype=np.int64)
            for delay in np.unique(connection.delay).tolist():
                of_delay = table[connection.delay == delay]
                listed.setdefault((connection.source, delay), []).append(of_delay)
    return {key: np.concatenate(tables) for key, tables in listed.items()}


def _shifted(weight: NDArray[Any], exponent: int) -> NDArray[np.int64]:
    """Times two to the exponent, where that is positive: at most 15 bits and a sign."""
    return np.asarray(weight, dtype=np.int64) << max(exponent, 0)


def _fits(weight: NDArray[np.int64]) -> bool:
    limits = np.iinfo(np.int16)
    return bool((weight >= limits.min).all() and (weight <= limits.max).all())


def _steps_between_inputs(program: SpikingProgram) -> dict[str, int]:
    """Time steps from a decision's last input to the next one's first, in which v decays to 0 by a bound of its own.

    They are fewer than any v would take, and more than two inputs of one decision are apart; other nodes are not named.
    """
    idle = program.period - program.active_steps
    slow = [
        node
        for node in program.nodes
        if isinstance(node, Lif) and node.reset_step is None
        if not keeps_current(node) and steps_to_zero(voltage_loss(node)) > idle
    ]
    if not slow or not isinstance(program, Program):
        return {}
    arriving = arrival_steps(program)
    between: dict[str, int] = {}
    for node in slow:
        steps = np.flatnonzero(arriving[node.name])
        span = int(steps[-1] - steps[0]) if len(steps) else 0
        if span < program.period - span - 1:
            between[node.name] = program.period - span - 1
    return between


def _parameters(node: Node, resting: Mapping[str, int]) -> tuple[int, int, int, int, int]:
    """The shares of u and v that a neuron keeps, the threshold of v, the steps in which any v decays to 0, the reset.

    A valid program's v is 0 where a decision's first input arrives (`neuro_runtime.program.validate`), so fewer steps
    are enough where ``resting`` says how many lie between. A node without states has none of them.
    """
    if not node.has_state:
        return 0, 0, 0, 0, NEVER
    lif = node.as_lif("loihi")
    loss = voltage_loss(lif)
    return (
        DECAY_ONE - current_loss(lif),
        DECAY_ONE - loss,
        effective_threshold(lif),
        resting.get(node.name, steps_to_zero(loss) if loss else ALL_TIME),
        NEVER if lif.reset_step is None else lif.reset_step,
    )


def _power_of_two(least: int) -> int:
    return 1 << (least - 1).bit_length()


def _size(arrays: list[Any]) -> int:
    return sum(len(array) for array in arrays)
