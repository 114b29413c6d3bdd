"""The definition of what a program means: every node, every time step, in plain numpy.

Other simulators must agree with this one at every spike, current and voltage; it is meant to be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.arrival_peaks import ArrivalPeaks
from neuro_runtime.program.decay import current_loss, effective_threshold, voltage_loss
from neuro_runtime.program.limits import CURRENT_SHIFT
from neuro_runtime.program.nodes import BiasLine, Dense, GradedRelu, Lif, Neurons, Sparse, SpikeInput, Weighted
from neuro_runtime.program.program import SpikingProgram
from neuro_runtime.simulators.loihi_arithmetic import clip24, decayed, shift, wrap24
from neuro_runtime.simulators.simulator import NeuronRecording, Raster, SimulatedDecision, Values


class Interpreter:
    """Runs a program one decision at a time.

    Parameters
    ----------
    program
        A valid program, of either arithmetic.
    """

    def __init__(self, program: SpikingProgram) -> None:
        self._program = program
        self._dtype = np.int64 if program.arithmetic == "loihi" else np.float64
        self._neurons = {node.name: _neurons(program, node) for node in program.neurons}
        self._spiking = [node for node in program.nodes if node.spikes]
        self._synapses = [_synapses(connection, self._dtype) for connection in program.weighted_connections]
        self._injections = program.injections
        self._accumulators = [self._neurons[node.name] for node in program.accumulators]
        longest = max((synapses.longest_delay for synapses in self._synapses), default=0)
        self._past = {
            node.name: _Past(node.size, longest + 1, self._dtype if node.graded else np.bool_) for node in self._spiking
        }
        self._peaks = _Peaks(self._neurons)
        self.reset()

    @property
    def arrival_peaks(self) -> list[ArrivalPeaks]:
        """The largest magnitudes that ever arrived at each node of a loihi program in a time step."""
        return self._peaks.read()

    def reset(self) -> None:
        """Forget everything: states, and spikes in flight."""
        self._time = 0
        for neurons in self._neurons.values():
            neurons.clear()
        for past in self._past.values():
            past.clear()

    def decide(self, current: Values, record: bool = False) -> SimulatedDecision:
        """Run one decision's ``period`` time steps.

        Parameters
        ----------
        current
            What the host gives, real, or the encoder's integers in loihi arithmetic: of a policy the token's current x,
            (D,), of a sample's program a row for each time step, (period, columns).
        record
            Also return every spike and state.
        """
        current = np.asarray(current, dtype=self._dtype)
        for accumulator in self._accumulators:
            accumulator.clear()
        counts = {node.name: 0 for node in self._spiking}
        recording = self._blank_recording() if record else None
        for step in range(self._program.period):
            given = split_row(self._program, current if self._program.holds_input else current[step])
            for name, spikes in self._advance(step, given).items():
                counts[name] += int(np.count_nonzero(spikes))
                if recording:
                    recording.spikes[name][step] = spikes != 0
            if recording:
                self._write_states(recording, step)
        sums = [accumulator.voltage for accumulator in self._accumulators]
        return SimulatedDecision(np.concatenate([np.zeros(0, self._dtype), *sums]), counts, recording)

    def _advance(self, step: int, given: Mapping[str, Values]) -> dict[str, Raster | Values]:
        """Time step ``step`` of a decision: gather what arrives, update every neuron, emit."""
        arriving = {name: np.zeros_like(neurons.voltage) for name, neurons in self._neurons.items()}
        injected = {injection.target: np.zeros_like(arriving[injection.target]) for injection in self._injections}
        for synapses in self._synapses:
            synapses.deliver(self._past[synapses.source], self._time, arriving[synapses.target])
        for injection in self._injections:
            if injection.delay <= step < injection.delay + self._program.active_steps:
                injected[injection.target] += _shifted(given[injection.source], injection.exponent)
        if self._program.arithmetic == "loihi":
            self._peaks.note(arriving, injected)
        for name, values in injected.items():
            arriving[name] += values
        emitted: dict[str, Raster | Values] = {
            node.name: np.array([step < self._program.active_steps])
            for node in self._spiking
            if isinstance(node, BiasLine)
        }
        emitted |= {node.name: given[node.name] != 0 for node in self._spiking if isinstance(node, SpikeInput)}
        for name, neurons in self._neurons.items():
            if step == neurons.reset_step:
                neurons.clear()
            spikes = neurons.update(arriving[name])
            if name in self._past:
                emitted[name] = spikes
        for name, spikes in emitted.items():
            self._past[name].write(self._time, spikes)
        self._time += 1
        return emitted

    def _blank_recording(self) -> NeuronRecording:
        def blank(size: int, dtype: type) -> Values:
            return np.zeros((self._program.period, size), dtype=dtype)

        states = {name: len(neurons.voltage) for name, neurons in self._neurons.items()}
        return NeuronRecording(
            {node.name: np.zeros((self._program.period, node.size), dtype=bool) for node in self._spiking},
            {name: blank(size, self._dtype) for name, size in states.items()},
            {name: blank(size, self._dtype) for name, size in states.items()},
        )

    def _write_states(self, recording: NeuronRecording, step: int) -> None:
        for name, neurons in self._neurons.items():
            recording.currents[name][step] = neurons.current
            recording.voltages[name][step] = neurons.voltage


def split_row(program: SpikingProgram, row: Values) -> dict[str, Values]:
    """Each input node's part of a row of the host's numbers."""
    parts, start = {}, 0
    for node in program.inputs:
        parts[node.name] = row[start : start + node.size]
        start += node.size
    return parts


class _Peaks:
    """The largest magnitudes that arrived at each node."""

    def __init__(self, nodes: Iterable[str]) -> None:
        self._largest = dict.fromkeys(nodes, (0, 0, 0))  # through synapses, from the host, together

    def note(self, synaptic: Mapping[str, Values], injected: Mapping[str, Values]) -> None:
        """Take in one time step."""
        for name, values in synaptic.items():
            if name in injected:
                parts = values, injected[name], values + injected[name]
                through, host, together = map(max, self._largest[name], map(_magnitude, parts))
                self._largest[name] = through, host, together
            else:
                largest = max(self._largest[name][0], _magnitude(values))
                self._largest[name] = largest, 0, largest

    def read(self) -> list[ArrivalPeaks]:
        """One for each node."""
        return [ArrivalPeaks(name, *largest) for name, largest in self._largest.items()]


def _magnitude(values: Values) -> int:
    return int(max(values.max(), -values.min()))


class _Past:
    """The last spikes of a node, a ring of time steps."""

    def __init__(self, size: int, steps: int, dtype: type) -> None:
        self._ring: Raster | Values = np.zeros((steps, size), dtype=dtype)

    def clear(self) -> None:
        self._ring[:] = 0

    def write(self, time: int, spikes: Raster | Values) -> None:
        self._ring[time % len(self._ring)] = spikes

    def at(self, time: int) -> Raster | Values:
        """Spikes of time step ``time``."""
        past: Raster | Values = self._ring[time % len(self._ring)]
        return past

    def each_at(self, times: NDArray[np.int64], neurons: NDArray[np.int32]) -> Raster | Values:
        """For each n, the spike of neuron ``neurons[n]`` at ``times[n]``, or 0."""
        past: Raster | Values = self._ring[times % len(self._ring), neurons]
        return past


class _DenseSynapses:
    """All-to-all synapses: the spikes they carry arrive one time step and the delay after they were emitted."""

    def __init__(self, connection: Dense, dtype: type) -> None:
        self.source, self.target = connection.source, connection.target
        self.longest_delay = connection.delay
        self._exponent = connection.exponent
        self._weight_of_source: Values = np.ascontiguousarray(np.asarray(connection.weight, dtype=dtype).T)

    def deliver(self, past: _Past, time: int, arriving: Values) -> None:
        """Add to ``arriving`` the current that reaches the targets at ``time``."""
        firing = np.flatnonzero(past.at(time - 1 - self.longest_delay))
        if len(firing):
            arriving += _shifted(self._weight_of_source[firing].sum(axis=0), self._exponent)


class _SparseSynapses:
    """Listed synapses, which differ in delay."""

    def __init__(self, connection: Sparse, dtype: type) -> None:
        self.source, self.target = connection.source, connection.target
        self.longest_delay = int(np.max(connection.delay, initial=0))
        self._connection = connection
        self._weight: Values = np.asarray(connection.weight, dtype=dtype)

    def deliver(self, past: _Past, time: int, arriving: Values) -> None:
        """Add to ``arriving`` the current that reaches the targets at ``time``."""
        emitted = (time - 1 - self._connection.delay).astype(np.int64)
        spikes = past.each_at(emitted, self._connection.source_index)
        carrying = np.flatnonzero(spikes)
        if len(carrying):
            total = np.zeros_like(arriving)
            np.add.at(total, self._connection.target_index[carrying], self._weight[carrying] * spikes[carrying])
            arriving += _shifted(total, self._connection.exponent)


def _synapses(connection: Weighted, dtype: type) -> _DenseSynapses | _SparseSynapses:
    match connection:
        case Dense():
            return _DenseSynapses(connection, dtype)
        case Sparse():
            return _SparseSynapses(connection, dtype)
        case _:
            assert_never(connection)


def _shifted(values: Values, exponent: int) -> Values:
    """``values·2^exponent`` in loihi arithmetic; float programs have no exponents."""
    return shift(values, exponent) if values.dtype == np.int64 else values


class _FloatNeurons:
    """``u ← (1 − d_u)·u + a``;  ``v ← (1 − d_v)·v + u``;  ``s = v > threshold``;  ``v[s] ← 0``."""

    def __init__(self, lif: Lif) -> None:
        self.current = np.zeros(lif.size)
        self.voltage = np.zeros(lif.size)
        self.reset_step = lif.reset_step
        self._keep_current, self._keep_voltage = 1 - lif.current_decay, 1 - lif.voltage_decay
        self._threshold, self._at_threshold = lif.threshold, lif.fires_at_threshold

    def clear(self) -> None:
        self.current[:] = 0
        self.voltage[:] = 0

    def update(self, arriving: Values) -> Raster | Values:
        self.current = self._keep_current * self.current + arriving
        self.voltage = self._keep_voltage * self.voltage + self.current
        spikes = self.voltage >= self._threshold if self._at_threshold else self.voltage > self._threshold
        self.voltage[spikes] = 0
        return spikes


class _LoihiNeurons:
    """The same neurons in Loihi's integers; see `neuro_runtime.simulators.loihi_arithmetic`."""

    def __init__(self, lif: Lif) -> None:
        self.current = np.zeros(lif.size, dtype=np.int64)
        self.voltage = np.zeros(lif.size, dtype=np.int64)
        self.reset_step = lif.reset_step
        self._current_loss, self._voltage_loss = current_loss(lif), voltage_loss(lif)
        self._threshold = effective_threshold(lif)

    def clear(self) -> None:
        self.current[:] = 0
        self.voltage[:] = 0

    def update(self, arriving: Values) -> Raster | Values:
        self.current = wrap24(decayed(self.current, self._current_loss) + (arriving << CURRENT_SHIFT))
        self.voltage = clip24(decayed(self.voltage, self._voltage_loss) + self.current)
        spikes = self.voltage > self._threshold
        self.voltage[spikes] = 0
        return spikes


class _FloatGradedRelu(_FloatNeurons):
    """``s = max(a − threshold, 0)``."""

    def update(self, arriving: Values) -> Values:
        spikes = super().update(arriving)
        beyond: Values = np.where(spikes, self.current - self._threshold, 0)
        return beyond


class _LoihiGradedRelu(_LoihiNeurons):
    """The same in weight units."""

    def update(self, arriving: Values) -> Values:
        spikes = super().update(arriving)
        beyond: Values = np.where(spikes, (clip24(self.current) - self._threshold) >> CURRENT_SHIFT, 0)
        return beyond


_Neurons = _FloatNeurons | _LoihiNeurons


def _neurons(program: SpikingProgram, node: Neurons) -> _Neurons:
    lif, is_graded = node.as_lif(program.arithmetic), isinstance(node, GradedRelu)
    if program.arithmetic == "loihi":
        return _LoihiGradedRelu(lif) if is_graded else _LoihiNeurons(lif)
    return _FloatGradedRelu(lif) if is_graded else _FloatNeurons(lif)
