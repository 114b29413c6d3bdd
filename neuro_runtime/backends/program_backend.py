"""An exported program as a backend: host encoder, then a simulator of the neurons, then host readout."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.activity import Activity, LayerCounts
from neuro_runtime.backends.base import Decision
from neuro_runtime.policy_protocol import PolicyProtocol
from neuro_runtime.program.arrival_peaks import ArrivalPeaks, CountsArrivals
from neuro_runtime.program.nodes import Sparse
from neuro_runtime.program.program import Program, SpikingProgram
from neuro_runtime.program.provenance import protocol_of
from neuro_runtime.program.weight_matrices import dense_matrices
from neuro_runtime.simulators.simulator import Simulator
from neuro_runtime.token import Token


def nothing() -> None:
    """For simulators that hold nothing to release."""


class ProgramBackend:
    """A program in closed loop.

    Parameters
    ----------
    program
        The program that ``simulator`` runs.
    simulator
        Its neurons.
    on_close
        Releases the simulator; may be called twice.
    """

    def __init__(self, program: Program, simulator: Simulator, on_close: Callable[[], None] = nothing) -> None:
        self._program = program
        self._simulator = simulator
        self._meter = ProgramMeter(program)
        self._on_close = on_close
        self._clipped_inputs = 0

    @property
    def program(self) -> Program:
        """The program that the simulator runs."""
        return self._program

    @property
    def environment(self) -> str:
        """Name of the environment the policy was trained for."""
        return self._program.environment

    @property
    def return_target(self) -> float:
        """Default return-to-go of the first step, in raw reward."""
        return self._program.return_target

    @property
    def observation_size(self) -> int:
        """Width of a token's state."""
        return self._program.encoder.observation_size

    @property
    def action_size(self) -> int:
        """Width of an action."""
        return self._program.encoder.action_size

    @property
    def protocol(self) -> PolicyProtocol:
        """How the policy was trained, and is to be run."""
        return protocol_of(self._program)

    @property
    def clipped_inputs(self) -> int:
        """Entries of observations that were clipped up to now."""
        return self._clipped_inputs

    @property
    def arrival_peaks(self) -> list[ArrivalPeaks]:
        """The most that has arrived at every node in a time step; none where the simulator does not count it."""
        return self._simulator.arrival_peaks if isinstance(self._simulator, CountsArrivals) else []

    def reset(self) -> None:
        """Forget every earlier token."""
        self._simulator.reset()

    def decide(self, token: Token) -> Decision:
        """Answer one environment step."""
        encoder = self._program.encoder
        self._clipped_inputs += encoder.clipped(token)
        current = encoder.encode(token)
        given = encoder.quantise(current) if self._program.arithmetic == "loihi" else current
        result = self._simulator.decide(given)
        action = self._program.readout.decode(result.accumulator, current)
        return Decision(action, self._meter.activity(result.spikes))

    def close(self) -> None:
        """Release the simulator."""
        self._on_close()


class ProgramMeter:
    """Counts a decision's work from the spikes each node emitted.

    A spike costs one synop at every synapse its neuron has. A dense matrix stores all its weights, zeros too, as
    Loihi's dense format does, and a spike visits them all (see
    :class:`~neuro_runtime.program.weight_matrices.WeightMatrix`); one whose weights are all zero would not be placed
    and has none. A :class:`Sparse` connection has the synapses it lists. The counts are exact where a node's
    neurons have equally many synapses on each target, as in the policies that ship; else they take the mean. An
    :class:`Injection` is the host's current, not synapses.
    """

    def __init__(self, program: SpikingProgram) -> None:
        fan_outs = _fan_outs(program)
        self._layers = _places(node.name for node in program.nodes if node.spikes)
        self._targets = _places(target for _, target, _ in fan_outs)
        self._work_of_a_spike = np.zeros((len(self._layers), len(self._targets) + 1))  # synops by target, messages
        for source, target, fan_out in fan_outs:
            work = self._work_of_a_spike[self._layers[source]]
            work[self._targets[target]] += fan_out
            work[-1] += 1
        sizes = {node.name: node.size for node in program.nodes if node.on_chip}
        self._neuron_steps = {name: size * program.active_steps for name, size in sizes.items()}
        self._idle_neuron_steps = sum(sizes.values()) * (program.period - program.active_steps)
        self._time_steps = program.period
        self._host_macs = program.host_macs

    def activity(self, spikes: Mapping[str, int]) -> Activity:
        """The work of a decision in which node ``name`` emitted ``spikes[name]`` spikes."""
        return self.activities(np.array([[spikes[name] for name in self._layers]]))[0]

    def activities(self, spikes: NDArray[np.integer[Any]]) -> list[Activity]:
        """The work of several decisions from the spikes that each emitted, (decisions, spiking nodes in order)."""
        work = np.rint(spikes.astype(np.float64) @ self._work_of_a_spike).astype(np.int64).tolist()
        return [
            Activity(
                LayerCounts(self._layers, emitted),
                self._neuron_steps,
                LayerCounts(self._targets, synops_and_messages),
                self._time_steps,
                self._host_macs,
                self._idle_neuron_steps,
                synops_and_messages[-1],
            )
            for emitted, synops_and_messages in zip(spikes.tolist(), work, strict=True)
        ]


def _places(names: Iterable[str]) -> dict[str, int]:
    """Number names in their order, each once."""
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def _fan_outs(program: SpikingProgram) -> list[tuple[str, str, float]]:
    """Source, target and the synapses of one source neuron, of every matrix and list of synapses that has any."""
    fan_outs = [
        (connection.source, connection.target, len(connection.weight) / program.node(connection.source).size)
        for connection in program.unfolded
        if isinstance(connection, Sparse)
    ]
    for place, matrix in dense_matrices(program.unfolded).items():
        synapses = matrix.synapses
        if synapses.any():
            fan_outs.append((place.source, place.target, int(synapses.sum()) / synapses.shape[2]))
    return fan_outs
