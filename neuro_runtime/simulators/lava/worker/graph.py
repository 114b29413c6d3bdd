"""A program as a graph of Lava processes, as few as can be: most of a time step goes into messages between them.

- All neurons with the same parameters are one `LIF` of Lava's library (a `LIFReset` for the accumulator and for neurons
  that are reset at a token's begin, a `GradedReluVec` for graded ones), or such a one with a record of its states, or
  that fires at its threshold.
- All synapses with the same exponent are one `Sparse` of Lava's library, from every axon to every neuron; those of
  graded neurons are another, as it needs to be told that spikes carry numbers.
- Between them stand `HostInput` and `Axons`. Axons delay spikes, so one of time step t that waits there arrives at
  ``t + 1 + delay``: Lava's synapses take the one step.

Neurons are numbered through the whole program. Number 0 is the line that spikes in every active step, the
bias line; the inputs of spikes come next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
from lava.magma.core.process.ports.ports import AbstractPort, OutPort
from lava.proc.lif.process import LIF, LIFReset
from lava.proc.sparse.process import Sparse
from lava.utils.weightutils import SignMode
from numpy.typing import NDArray
from processes import Axons, HostInput
from recorded import (
    GradedRelu,
    LIFAtThreshold,
    RecordedGradedRelu,
    RecordedLIF,
    RecordedLIFAtThreshold,
    RecordedLIFReset,
)
from scipy.sparse import csr_matrix
from virtual_ports import place, take

# As in `neuro_runtime.program.limits`, which Lava's Python does not have.
AND_DECAY = 4095  # both decays of a coincidence neuron
CLEARED_CURRENT = 4095  # the decay of a current that lasts one time step
NEVER_THRESHOLD = 131072  # a threshold that no 24-bit voltage exceeds
BIAS_LINE = 0
PAYLOAD_BITS = 24  # of a graded spike; by default Lava's synapses take one for a spike of 1

Numbers = NDArray[np.intp]
Group = tuple[int, int]  # the exponent of synapses, and which connection they are where they stay apart


@dataclass(frozen=True, eq=False)
class Pool:
    """Neurons with the same parameters: one process for those with these numbers, which are consecutive."""

    neurons: LIF | GradedRelu
    numbers: Numbers


@dataclass(frozen=True, eq=False)
class Graph:
    """The processes to run and to talk to.

    Attributes
    ----------
    host, axons
        Take the host's input, give the spikes.
    synapses
        All of them.
    pools
        All neurons.
    accumulator
        The pool whose ``v`` is the result of a decision, if there is one.
    numbers
        Those of each node's neurons.
    """

    host: HostInput
    axons: Axons
    synapses: tuple[Sparse, ...]
    pools: tuple[Pool, ...]
    accumulator: Pool | None
    numbers: Mapping[str, Numbers]


def build_graph(program: SimpleNamespace, record_states: bool) -> Graph:
    """Make the processes of a loihi program and connect them.

    Parameters
    ----------
    program
        Has the fields of `neuro_runtime.program.Program`; nodes and connections say what they are as ``kind``.
    record_states
        Let every pool's neurons be those of `recorded`.
    """
    pools, accumulator, numbers = _populate(program, record_states)
    inputs = [numbers[node.name] for node in program.nodes if node.kind == "SpikeInput"]
    fed = np.concatenate([np.array([BIAS_LINE]), *inputs])
    count = len(fed) + sum(len(pool.numbers) for pool in pools)
    host = _host_input(program, numbers, count)
    axons, synapses = _synapses(program, pools, numbers, count)
    injected = [numbers[connection.target] for connection in program.connections if connection.kind == "Injection"]
    _connect(host.injected, pools, injected)
    place(host.emitted, fed, count).connect(axons.spikes)
    for pool in pools:
        place(pool.neurons.s_out, pool.numbers, count).connect(axons.spikes)
    return Graph(host, axons, tuple(synapses), tuple(pools), accumulator, numbers)


def _populate(program: SimpleNamespace, record_states: bool) -> tuple[list[Pool], Pool | None, dict[str, Numbers]]:
    """The pools, that of the accumulator, and the numbers of every node's neurons."""
    lif, at_threshold, resetting, recorded = LIF, LIFAtThreshold, LIFReset, {}
    if record_states:
        lif, at_threshold, resetting = RecordedLIF, RecordedLIFAtThreshold, RecordedLIFReset
        recorded = {"period": program.period}
    alike: dict[tuple[int, int, int, bool, int | None], list[SimpleNamespace]] = {}
    numbers = {node.name: np.array([BIAS_LINE]) for node in program.nodes if node.kind == "BiasLine"}
    _number([node for node in program.nodes if node.kind == "SpikeInput"], numbers)
    for node in program.nodes:
        if node.kind in ("Lif", "And"):
            alike.setdefault(_parameters(node), []).append(node)
    pools = []
    for (du, dv, vth, fires_at_threshold, reset_step), nodes in alike.items():
        members = _number(nodes, numbers)
        parameters = {"shape": members.shape, "du": du, "dv": dv, "vth": vth, **recorded}
        if reset_step is not None:
            pools.append(Pool(resetting(**parameters, **_reset_at(reset_step, program)), members))
        else:
            pools.append(Pool((at_threshold if fires_at_threshold else lif)(**parameters), members))
    graded = RecordedGradedRelu if record_states else GradedRelu
    for node in program.nodes:
        if node.kind == "GradedRelu":
            members = _number([node], numbers)
            pools.append(Pool(graded(shape=members.shape, threshold=int(node.threshold), **recorded), members))
    if not any(node.kind == "Accumulator" for node in program.nodes):
        return pools, None, numbers
    accumulators = _number([node for node in program.nodes if node.kind == "Accumulator"], numbers)
    parameters = {"shape": accumulators.shape, "du": CLEARED_CURRENT, "dv": 0, "vth": NEVER_THRESHOLD, **recorded}
    pools.append(Pool(resetting(**parameters, **_reset_at(0, program)), accumulators))
    return pools, pools[-1], numbers


def _reset_at(step: int, program: SimpleNamespace) -> dict[str, int]:
    """Clear u and v before a time step of every decision; Lava counts time steps from 1."""
    return {"reset_interval": program.period, "reset_offset": step + 1}


def _parameters(node: SimpleNamespace) -> tuple[int, int, int, bool, int | None]:
    if node.kind == "And":
        return AND_DECAY, AND_DECAY, int(node.threshold), False, None
    decays = int(node.current_decay), int(node.voltage_decay)
    return *decays, int(node.threshold), bool(node.fires_at_threshold), node.reset_step


def _number(nodes: list[SimpleNamespace], numbers: dict[str, Numbers]) -> Numbers:
    """Give the neurons of ``nodes`` the next free numbers, which are returned together."""
    first = end = 1 + max((int(taken[-1]) for taken in numbers.values()), default=BIAS_LINE)
    for node in nodes:
        numbers[node.name] = np.arange(end, end + node.size)
        end += node.size
    return np.arange(first, end)


def _host_input(program: SimpleNamespace, numbers: Mapping[str, Numbers], count: int) -> HostInput:
    injections = [connection for connection in program.connections if connection.kind == "Injection"]
    inputs = [node for node in program.nodes if node.kind in ("CurrentInput", "SpikeInput")]
    starts = np.cumsum([0, *(node.size for node in inputs)])
    columns = {node.name: np.arange(node.size) + start for node, start in zip(inputs, starts[:-1], strict=True)}
    spiking = [columns[node.name] for node in inputs if node.kind == "SpikeInput"]
    return HostInput(
        shape=(1 if program.holds_input else program.period, int(starts[-1])),
        neurons=count,
        injections=[(numbers[item.target], columns[item.source], item.delay, item.exponent) for item in injections],
        spike_columns=np.concatenate([np.zeros(0, dtype=np.intp), *spiking]),
        active_steps=program.active_steps,
        period=program.period,
    )


def _connect(source: OutPort, pools: list[Pool], targets: list[Numbers]) -> None:
    """Send each pool that has any of ``targets`` its part of ``source``, a port with an entry for every neuron."""
    for pool in pools:
        if np.isin(pool.numbers, np.concatenate([*targets, []])).any():
            take(source, pool.numbers).connect(pool.neurons.a_in)


@dataclass(frozen=True, eq=False)
class _Synapses:
    """Synapse n goes from column ``column[n]`` to neuron ``target[n]``.

    Column c hears the spikes of neuron ``neuron[c]`` after ``delay[c]`` time steps. No two synapses share target and
    column, since their weights would become one that might not fit 8 bits.
    """

    target: Numbers
    column: Numbers
    weight: NDArray[np.int32]
    neuron: Numbers
    delay: Numbers


def _synapses(
    program: SimpleNamespace, pools: list[Pool], numbers: Mapping[str, Numbers], count: int
) -> tuple[Axons, list[Sparse]]:
    """The axons, and the processes of all synapses between them and the pools."""
    graded = {node.name for node in program.nodes if node.kind == "GradedRelu"}
    of_spikes, of_numbers = _grouped(program, numbers, set(numbers) - graded), _grouped(program, numbers, graded)
    lines, heard = _lines(of_spikes, count)
    graded_lines, heard_numbers = _lines(of_numbers, count)
    axons = Axons(
        count,
        neuron=lines % count,
        delay=lines // count,
        graded_neuron=graded_lines % count,
        graded_delay=graded_lines // count,
        period=program.period,
    )
    # As messages of one bit, spikes are multiplied by the matrix, which is far faster than indexing it.
    synapses = _between(axons.lines, heard, of_spikes, pools, count, message_bits=1)
    return axons, synapses + _between(
        axons.graded_lines, heard_numbers, of_numbers, pools, count, message_bits=PAYLOAD_BITS
    )


def _lines(groups: Mapping[Group, _Synapses], count: int) -> tuple[Numbers, list[Numbers]]:
    """Neuron and delay of each line as one number, ``delay * count + neuron``, and the lines that each group hears.

    The first line is the bias line without delay, for Lava has no port without an entry.
    """
    codes = [np.zeros(1, dtype=np.intp), *(group.delay * count + group.neuron for group in groups.values())]
    lines, heard = np.unique(np.concatenate(codes), return_inverse=True)
    return lines, np.split(heard, np.cumsum([len(code) for code in codes[:-1]]))[1:]


def _between(
    port: AbstractPort,
    heard: list[Numbers],
    groups: Mapping[Group, _Synapses],
    pools: list[Pool],
    count: int,
    message_bits: int,
) -> list[Sparse]:
    """A process for each group, from the lines of ``port`` that it hears to the pools."""
    processes = []
    for ((exponent, _), group), lines in zip(groups.items(), heard, strict=True):
        process = Sparse(
            weights=csr_matrix((group.weight, (group.target, group.column)), shape=(count, len(group.neuron))),
            weight_exp=exponent,
            num_weight_bits=8,
            sign_mode=SignMode.MIXED,
            num_message_bits=message_bits,
        )
        processes.append(process)
        take(port, lines).connect(process.s_in)
        _connect(process.a_out, pools, [group.target])
    return processes


def _grouped(program: SimpleNamespace, numbers: Mapping[str, Numbers], sources: set[str]) -> dict[Group, _Synapses]:
    """Synapses from ``sources`` that one process may hold, by their exponent.

    A shift to the right floors each connection's sum on its own, so those with a negative exponent stay apart.
    """
    groups: dict[Group, list[_Synapses]] = {}
    for n, connection in enumerate(program.connections):
        if connection.kind != "Injection" and connection.source in sources:
            synapses = _listed(connection, numbers[connection.source], numbers[connection.target])
            groups.setdefault((connection.exponent, n if connection.exponent < 0 else -1), []).append(synapses)
    return {key: _joined(group) for key, group in groups.items()}


def _listed(connection: SimpleNamespace, source: Numbers, target: Numbers) -> _Synapses:
    if connection.kind == "Sparse":
        columns = np.arange(len(connection.weight))
        heard = source[connection.source_index]
        return _Synapses(target[connection.target_index], columns, connection.weight, heard, connection.delay)
    rows, columns = np.nonzero(connection.weight)
    delay = np.full(len(source), connection.delay)
    return _Synapses(target[rows], columns, connection.weight[rows, columns], source, delay)


def _joined(group: list[_Synapses]) -> _Synapses:
    starts = np.cumsum([0, *(len(synapses.neuron) for synapses in group)])
    return _Synapses(
        np.concatenate([synapses.target for synapses in group]),
        np.concatenate([synapses.column + start for synapses, start in zip(group, starts[:-1], strict=True)]),
        np.concatenate([synapses.weight for synapses in group]).astype(np.int32),
        np.concatenate([synapses.neuron for synapses in group]).astype(np.intp),
        np.concatenate([synapses.delay for synapses in group]).astype(np.intp),
    )
