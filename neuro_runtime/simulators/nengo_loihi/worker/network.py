"""A program on nengo-loihi's emulator, run decision by decision.

The host's current is the chip's bias, set before each time step, where neurons keep no current from one step to the
next; else it is spikes. The emulator has no reset, so the accumulator's voltage is written at each decision's start. A
network that is given samples has no accumulator, and a row of input for each time step: currents, or spikes.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
from blocks import (
    CLEARED_CURRENT,
    CURRENT_SHIFT,
    Bundle,
    Numbers,
    add_block,
    add_injection,
    add_synapses,
    injection_axons,
    neuron_parameters,
)
from nengo_loihi.builder import Model
from nengo_loihi.builder.discretize import U_BITS, overflow_signed
from nengo_loihi.emulator import EmulatorInterface
from numpy.typing import NDArray

BIAS_LINE = 0  # its number; the neurons of all other nodes follow


@dataclass(frozen=True, eq=False)
class NetworkDecision:
    """The outcome of one decision: the accumulator's v, and spikes, u and v of all neurons, (period, neurons)."""

    accumulator: NDArray[np.int64]
    spikes: NDArray[np.bool_]
    currents: NDArray[np.int32]
    voltages: NDArray[np.int32]


@dataclass
class _Injected:
    """The host's current into one node."""

    node: str
    connections: list[SimpleNamespace]
    spikes: Bundle | None  # where it is no bias


@dataclass
class _Arriving:
    """Axons of a bundle that spike, by the time step in which that arrives."""

    bundle: Bundle
    due: dict[int, list[Numbers]] = field(default_factory=lambda: defaultdict(list))


class NengoLoihiNetwork:
    """A program on the emulator.

    Parameters
    ----------
    program
        Has the fields of `neuro_runtime.program.Program`; nodes and connections say what they are as ``kind``.
    """

    def __init__(self, program: SimpleNamespace) -> None:
        self._program = program
        nodes = {node.name: node for node in program.nodes if node.kind in ("Lif", "And", "Accumulator")}
        self._accumulators = [node.name for node in nodes.values() if node.kind == "Accumulator"]
        self.numbers = _numbers(program.nodes, nodes)
        self._columns = _columns(program.nodes)
        model = Model(dt=0.001)
        blocks = {name: add_block(model, node) for name, node in nodes.items()}
        self._arriving: list[_Arriving] = []
        injections: dict[str, list[SimpleNamespace]] = defaultdict(list)
        for connection in program.connections:
            if connection.kind == "Injection":
                injections[connection.target].append(connection)
            else:
                self._arriving.append(_Arriving(add_synapses(model, blocks[connection.target], connection)))
        self._injected = []
        for name, connections in injections.items():
            keeps = neuron_parameters(nodes[name]).current_decay < CLEARED_CURRENT
            spikes = add_injection(model, blocks[name], name) if keeps else None
            self._injected.append(_Injected(name, connections, spikes))
        self._emulator = EmulatorInterface(model, seed=0)
        self._emulator.step()  # it does not look at inputs in its first time step
        self._time = 0

    def decide(self, given: NDArray[np.int32]) -> NetworkDecision:
        """Run the time steps of one decision, with the token's integer current, or a row of input for each of them."""
        state, period = self._emulator.compartment, self._program.period
        end = 1 + len(state.vth)  # of the neurons with states; spiking inputs follow
        count = 1 + max(int(numbers.max()) for numbers in self.numbers.values())
        spikes = np.zeros((period, count), dtype=bool)
        currents, voltages = np.zeros((2, period, count), dtype=np.int32)
        rows = np.broadcast_to(given, (period, given.shape[-1])).astype(np.int64)
        for name in self._accumulators:
            state.voltage[self.numbers[name] - 1] = 0
        for step in range(period):
            self._inject(step, rows[step])
            for arriving in self._arriving:
                axons = arriving.due.pop(self._time, [])
                arriving.bundle.entry.add_spikes(self._time + 1, np.concatenate([[], *axons]).astype(np.intp))
            self._emulator.step()
            self._time += 1
            spikes[step, BIAS_LINE] = step < self._program.active_steps
            spikes[step, 1:end] = state.spiked
            for node in (node for node in self._program.nodes if node.kind == "SpikeInput"):
                spikes[step, self.numbers[node.name]] = rows[step, self._columns[node.name]] != 0
            currents[step, 1:end] = overflow_signed(state.current + state.bias, bits=U_BITS)[0]
            voltages[step, 1:end] = state.voltage
            self._send(spikes[step])
        read = [voltages[-1, self.numbers[name]] for name in self._accumulators]
        accumulator = np.concatenate([np.zeros(0, dtype=np.int64), *read]).astype(np.int64)
        return NetworkDecision(accumulator, spikes, currents, voltages)

    def reset(self) -> None:
        """Forget everything: states, and spikes in flight."""
        state = self._emulator.compartment
        for values in (state.current, state.voltage, state.bias, state.spiked, state.ref_count):
            values[:] = 0
        for arriving in self._arriving:
            arriving.due.clear()

    def _inject(self, step: int, row: NDArray[np.int64]) -> None:
        for injected in self._injected:
            current = np.zeros(len(self.numbers[injected.node]), dtype=np.int64)
            for connection in injected.connections:
                if connection.delay <= step < connection.delay + self._program.active_steps:
                    given, exponent = row[self._columns[connection.source]], connection.exponent
                    current += given << exponent if exponent >= 0 else given >> -exponent
            if injected.spikes is None:
                self._emulator.compartment.bias[self.numbers[injected.node] - 1] = current << CURRENT_SHIFT
            else:
                injected.spikes.entry.add_spikes(self._time + 1, injection_axons(current))

    def _send(self, spikes: NDArray[np.bool_]) -> None:
        """Let the axons of the neurons that have just spiked arrive when they are due."""
        for arriving in self._arriving:
            bundle = arriving.bundle
            axons = np.flatnonzero(spikes[self.numbers[bundle.source][bundle.neuron]])
            for delay in np.unique(bundle.delay[axons]).tolist():
                arriving.due[self._time + delay].append(axons[bundle.delay[axons] == delay])


def _numbers(nodes: list[SimpleNamespace], with_states: dict[str, SimpleNamespace]) -> dict[str, Numbers]:
    """The columns of each node's neurons: the bias line's, those with states, inputs that spike."""
    numbers = {node.name: np.array([BIAS_LINE]) for node in nodes if node.kind == "BiasLine"}
    end = 1
    for name, node in with_states.items():
        numbers[name] = np.arange(end, end + node.size)
        end += node.size
    for node in (node for node in nodes if node.kind == "SpikeInput"):
        numbers[node.name] = np.arange(end, end + node.size)
        end += node.size
    return numbers


def _columns(nodes: list[SimpleNamespace]) -> dict[str, Numbers]:
    """The columns of each input's numbers among those that the host gives."""
    columns, end = {}, 0
    for node in (node for node in nodes if node.kind in ("CurrentInput", "SpikeInput")):
        columns[node.name] = np.arange(end, end + node.size)
        end += node.size
    return columns
