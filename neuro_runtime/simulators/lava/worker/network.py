"""Compiles a program's graph and runs it decision by decision, watching for Lava processes that fail."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TypeVar

import numpy as np
from graph import Numbers, build_graph
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2HwCfg, Loihi2SimCfg
from lava.magma.runtime.mgmt_token_enums import MGMT_RESPONSE, enum_equal
from numpy.typing import NDArray
from processes import FORGET, MUTED
from recorded import GradedRelu, take_states

LOOK_AROUND_S = 0.2  # how often processes that failed are looked for: Lava itself would wait for ever
LAST_WORDS_S = 2.0  # how long a failed process is given to say why
CHANNEL_SIZE = 2  # messages that a channel holds; processes are never more than a time step apart

T = TypeVar("T")


class ProcessFailed(RuntimeError):
    """A Lava process raised an error or died; the message is its own."""

    @property
    def told_by_another_process(self) -> str:
        """The message alone: this error's own kind says nothing more."""
        return str(self)


@dataclass(frozen=True, eq=False)
class NetworkDecision:
    """The outcome of one decision of the network.

    Attributes
    ----------
    accumulator
        The accumulator's v after the last time step.
    spikes
        Every spike, (period, neurons).
    states
        ``u`` and ``v`` of every neuron after every time step, (period, neurons) each, where they are recorded.
    """

    accumulator: NDArray[np.int64]
    spikes: NDArray[np.bool_]
    states: Mapping[str, NDArray[np.int32]]


class LavaNetwork:
    """A program on Lava.

    Parameters
    ----------
    program
        See `graph.build_graph`.
    record_states
        Keep every neuron's u and v after every time step.
    hardware
        Run on Loihi 2 rather than on Lava's simulator.
    """

    def __init__(self, program: SimpleNamespace, record_states: bool, hardware: bool) -> None:
        self._period = int(program.period)
        self._graph = build_graph(program, record_states)
        self._holds_input = bool(program.holds_input)
        self._record_states = record_states
        configuration = Loihi2HwCfg if hardware else Loihi2SimCfg
        self._graph.axons.create_runtime(
            configuration(select_tag="fixed_pt"), compile_config={"pypy_channel_size": CHANNEL_SIZE}
        )
        self._runtime = self._graph.axons.runtime
        self._thread = ThreadPoolExecutor(1, "lava")
        # Lava cannot stop what has never run, and a process that fails at once is better found now.
        self._decay(1)

    @property
    def numbers(self) -> Mapping[str, Numbers]:
        """Where each node's neurons stand among all."""
        numbers: Mapping[str, Numbers] = self._graph.numbers
        return numbers

    def decide(self, rows: NDArray[np.int32]) -> NetworkDecision:
        """Run the time steps of one decision, with what the host gives, (rows, columns)."""
        return self._watched(lambda: self._decide(rows))

    def reset(self, idle_decisions: int) -> None:
        """Forget everything.

        A policy loses the spikes in flight and then lets every state decay to 0 in decisions without input, as a chip
        does. Where neurons may never decay, states are set to 0.
        """
        if not self._holds_input:
            self._watched(self._clear)
            return
        self._watched(lambda: self._mute(MUTED))
        self._decay(idle_decisions)

    def stop(self) -> None:
        """End Lava's processes."""
        self._graph.axons.stop()

    def _decay(self, idle_decisions: int) -> None:
        """Run decisions in which nothing arrives anywhere, since the axons are muted, and unmute them."""
        for _ in range(idle_decisions):
            self.decide(np.zeros(self._graph.host.given.shape, dtype=np.int32))
        self._watched(lambda: self._mute(0))

    def _mute(self, muted: int) -> None:
        self._graph.axons.muted.set(np.full(1, muted))

    def _clear(self) -> None:
        self._mute(FORGET)
        variables = [process.a_buff for process in self._graph.synapses]
        keeping = [pool.neurons for pool in self._graph.pools if not isinstance(pool.neurons, GradedRelu)]
        variables += [state for neurons in keeping for state in (neurons.u, neurons.v)]
        for variable in variables:
            variable.set(np.zeros(variable.shape, dtype=np.int32))

    def _decide(self, rows: NDArray[np.int32]) -> NetworkDecision:
        self._graph.host.give(rows.reshape(self._graph.host.given.shape))
        self._run()
        accumulator = np.zeros(0, dtype=np.int64)
        if self._graph.accumulator is not None:
            accumulator = self._graph.accumulator.neurons.v.get().astype(np.int64)
        return NetworkDecision(accumulator, self._graph.axons.take_raster(), self._take_states())

    def _take_states(self) -> dict[str, NDArray[np.int32]]:
        if not self._record_states:
            return {}
        states = np.zeros((2, self._period, self._graph.axons.spikes.shape[0]), dtype=np.int32)
        for pool in self._graph.pools:
            states[:, :, pool.numbers] = take_states(pool.neurons)
        return dict(zip("uv", states, strict=True))

    def _run(self) -> None:
        """One period; Lava's own blocking run would end all processes before a failed one has said why."""
        (answer,) = self._runtime.service_to_runtime
        self._runtime.start(RunSteps(self._period, blocking=False))
        if not enum_equal(answer.peek(), MGMT_RESPONSE.DONE):
            time.sleep(LAST_WORDS_S)  # within which whoever watches reads them
            raise ProcessFailed("a Lava process failed and did not say why")
        self._runtime.wait()

    def _watched(self, work: Callable[[], T]) -> T:
        """Let Lava do ``work`` in a thread, which is left behind, waiting, where a process fails meanwhile."""
        result = self._thread.submit(work)
        while True:
            try:
                return result.result(LOOK_AROUND_S)
            except NotYet:
                self._raise_what_failed()

    def _raise_what_failed(self) -> None:
        for actor in self._runtime._messaging_infrastructure.actors:
            if actor.exception:
                _, trace = actor.exception
                raise ProcessFailed(trace.strip())
            if not actor.is_alive():
                raise ProcessFailed(f"a Lava process ended with exit code {actor.exitcode}")
