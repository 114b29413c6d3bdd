"""``LoihiFast``: a program on Loihi's arithmetic, compiled, one decision or a batch of them at a time."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dsf_common.errors import UserError
from neuro_runtime.program.arrival_peaks import ArrivalPeaks
from neuro_runtime.program.limits import CURRENT_SHIFT, INJECTION_LIMIT
from neuro_runtime.program.program import SpikingProgram
from neuro_runtime.simulators.loihi_fast.compiling import for_types_of
from neuro_runtime.simulators.loihi_fast.kernel import Tape, decide_lanes
from neuro_runtime.simulators.loihi_fast.state import blank_state, forget, new_workspace
from neuro_runtime.simulators.loihi_fast.tables import tabulate
from neuro_runtime.simulators.simulator import NeuronRecording, SimulatedDecision
from neuro_runtime.simulators.state_peaks import StatePeaks

ARRIVALS = ("largest_synaptic", "largest_injected", "largest_arrival")
FIRST_LANE = np.zeros(1, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class BatchDecision:
    """The outcome of one decision of some lanes each; row n is the n-th lane that was asked for.

    Attributes
    ----------
    accumulators
        v of the accumulator after the last time step, (lanes, action_size).
    spikes
        Spikes that each spiking node emitted, (lanes, nodes) in the program's order.
    """

    accumulators: NDArray[np.int64]
    spikes: NDArray[np.int64]


class LoihiFast:
    """Runs a program in loihi arithmetic; its decisions are those of the interpreter, and of Lava, spike for spike.

    Parameters
    ----------
    program
        A valid program in loihi arithmetic.
    lanes
        Independent copies of its state: environments that are steered at the same time.

    Raises
    ------
    UserError
        The program is not in loihi arithmetic, or there is no lane.
    """

    def __init__(self, program: SpikingProgram, lanes: int = 1) -> None:
        if program.arithmetic != "loihi":
            raise UserError(
                f"loihi-fast runs programs in loihi arithmetic and this one is {program.arithmetic}: "
                "export one with --target lava"
            )
        if lanes < 1:
            raise UserError(f"lanes must be at least 1, got {lanes}")
        numbered = tabulate(program)
        self.lanes = lanes
        self.spiking = tuple(node.name for node in program.nodes if node.spikes)
        self._names = numbered.names
        self._spiking = np.array([numbered.names.index(name) for name in self.spiking], dtype=np.int64)
        self._neurons = numbered.neurons
        self._tables = numbered.tables
        self._state = blank_state(numbered.tables, lanes)
        self._workers = min(lanes, len(os.sched_getaffinity(0)))
        self._workspace = new_workspace(numbered.tables, self._workers)
        self._threads = ThreadPoolExecutor(max(self._workers - 1, 1), thread_name_prefix="loihi-fast")
        self._sums = np.concatenate(
            [np.zeros(0, np.int64), *(np.r_[numbered.neurons[node.name]] for node in program.accumulators)]
        ).astype(np.int64)
        self._input_shape: tuple[int, ...] = (program.input_size,)
        if not program.holds_input:
            self._input_shape = (program.period, program.input_size)
        self._stateless = {node.name for node in program.nodes if not node.has_state}
        self._silent = {node.name for node in program.nodes if not node.spikes}
        self._no_tape = self._tape(steps=0)
        self._make_ready()

    def reset(self, lane: int | None = None) -> None:
        """Forget everything, states and spikes in flight, of one lane or (default) of all."""
        for each in range(self.lanes) if lane is None else [lane]:
            forget(self._state, each)

    def decide(self, current: ArrayLike, record: bool = False) -> SimulatedDecision:
        """Run one decision of the first lane.

        Parameters
        ----------
        current
            What the host gives, integers: the token's current, (D,), or a row for each time step, (period, columns).
        record
            Also return every spike and state.

        Raises
        ------
        UserError
            It has another shape, or is no integers of 18 bits.
        """
        token = self._checked(current, self._input_shape).reshape(1, -1, self._input_shape[-1])
        tape = self._tape(self._tables.period) if record else self._no_tape
        self._decide_lanes(self._tables, self._state, self._workspace, 0, FIRST_LANE, token, tape)
        decision = self._first_lane()
        spikes = dict(zip(self.spiking, decision.spikes[0].tolist(), strict=True))
        return SimulatedDecision(decision.accumulators[0], spikes, self._recording(tape) if record else None)

    def decide_first(self, currents: NDArray[np.int32]) -> BatchDecision:
        """Run one decision of the first lane on currents that a host made, (1, D): within 18 bits, and contiguous.

        They are not checked, which takes a tenth of a small program's decision.
        """
        self._decide_lanes(self._tables, self._state, self._workspace, 0, FIRST_LANE, currents[None], self._no_tape)
        return self._first_lane()

    def decide_batch(self, lanes: ArrayLike, currents: ArrayLike) -> BatchDecision:
        """Run one decision of each of ``lanes`` (n,), which are all different, on ``currents``, (n, D) or
        (n, period, columns).

        Raises
        ------
        UserError
            There is no such lane, one is named twice, or the currents are not (n, D) integers of 18 bits.
        """
        chosen = np.asarray(lanes, dtype=np.int64, order="C")
        if chosen.ndim != 1 or not self._are_different_lanes(chosen.tolist()):
            raise UserError(f"lanes must be different numbers from 0 to {self.lanes - 1}, got {chosen.tolist()}")
        tokens = self._checked(currents, (len(chosen), *self._input_shape))
        self._share_out(chosen, tokens.reshape(len(chosen), -1, self._input_shape[-1]))
        return BatchDecision(
            self._state.voltage[chosen[:, None], self._sums].astype(np.int64),
            self._state.tally["spikes"][chosen[:, None], self._spiking],
        )

    @property
    def state_peaks(self) -> list[StatePeaks]:
        """The largest states of every node that has some, over all lanes and decisions up to now."""
        tally = self._state.tally
        current, voltage = tally["largest_current"].max(axis=0), tally["largest_voltage"].max(axis=0)
        return [
            StatePeaks(name, int(current[n]), int(voltage[n]))
            for n, name in enumerate(self._names)
            if name not in self._stateless
        ]

    @property
    def arrival_peaks(self) -> list[ArrivalPeaks]:
        """The largest magnitudes that ever arrived at each node in a time step, over all lanes and decisions."""
        tally = self._state.tally
        by_field = {field: tally[field].max(axis=0).tolist() for field in ARRIVALS}
        of_current = (tally["largest_current"].max(axis=0) >> CURRENT_SHIFT).tolist()
        nodes = self._tables.nodes
        peaks = []
        for n, name in enumerate(self._names):
            synaptic, injected, total = (by_field[field][n] for field in ARRIVALS)
            if nodes["keep_current"][n] == 0:
                total = of_current[n]
                if nodes["first_injection"][n] == nodes["end_injection"][n]:
                    synaptic = total
            if name not in self._stateless:
                peaks.append(ArrivalPeaks(name, synaptic, injected, total))
        return peaks

    def _make_ready(self) -> None:
        """Load the compiled code, or compile it if it never was, so that no decision has to wait for that."""
        nothing = np.zeros((1, *self._input_shape), np.int32).reshape(1, -1, self._input_shape[-1])
        self._decide_lanes = for_types_of(
            decide_lanes, self._tables, self._state, self._workspace, 0, FIRST_LANE, nothing, self._no_tape
        )
        self._state = blank_state(self._tables, self.lanes)

    def _first_lane(self) -> BatchDecision:
        """The outcome of the first lane's last decision."""
        voltage, spikes = self._state.voltage[0], self._state.tally["spikes"][0]
        return BatchDecision(voltage.take(self._sums).astype(np.int64)[None], spikes.take(self._spiking)[None])

    def _share_out(self, lanes: NDArray[np.int64], tokens: NDArray[np.int32]) -> None:
        """Give each worker its share of the lanes; this thread is the first one.

        Threads wait for work asleep. Those of numba's own loops spin, and stand still where a core is taken.
        """

        workers = min(self._workers, len(lanes))
        ends = [worker * len(lanes) // max(workers, 1) for worker in range(workers + 1)]

        def decide(worker: int) -> None:
            share = slice(ends[worker], ends[worker + 1])
            self._decide_lanes(
                self._tables, self._state, self._workspace, worker, lanes[share], tokens[share], self._no_tape
            )

        others = [self._threads.submit(decide, worker) for worker in range(1, workers)]
        if workers:
            decide(worker=0)
        for other in others:
            other.result()

    def _are_different_lanes(self, chosen: list[int]) -> bool:
        return len(set(chosen)) == len(chosen) and all(0 <= lane < self.lanes for lane in chosen)

    def _checked(self, current: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.int32]:
        given = np.asarray(current)
        if given.shape != shape or given.dtype.kind != "i":
            raise UserError(f"the token's current must be integers of shape {shape}, got {given.dtype} {given.shape}")
        low, high = int(given.min(initial=0)), int(given.max(initial=0))
        if low < -INJECTION_LIMIT or high > INJECTION_LIMIT:
            raise UserError(f"the token's current exceeds 18 bits: ±{INJECTION_LIMIT}, got {max(-low, high)}")
        return np.asarray(given, dtype=np.int32, order="C")  # as the compiled code takes it for granted

    def _tape(self, steps: int) -> Tape:
        shape = (steps, int(self._tables.nodes["end_neuron"][-1]))
        return Tape(np.zeros(shape, np.bool_), np.zeros(shape, np.int32), np.zeros(shape, np.int32))

    def _recording(self, tape: Tape) -> NeuronRecording:
        spikes: dict[str, NDArray[np.bool_]] = self._by_node(tape.spikes, without=self._silent)
        return NeuronRecording(
            spikes,
            self._by_node(tape.current.astype(np.int64), without=self._stateless),
            self._by_node(tape.voltage.astype(np.int64), without=self._stateless),
        )

    def _by_node(self, values: NDArray[Any], without: set[str]) -> dict[str, NDArray[Any]]:
        return {name: values[:, neurons] for name, neurons in self._neurons.items() if name not in without}
