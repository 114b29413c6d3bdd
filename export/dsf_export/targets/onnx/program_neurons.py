"""The neurons and synapses of a program for one decision: from the token's current to the accumulator."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dsf_common.errors import UserError
from dsf_export.targets.onnx.arithmetic import Arithmetic, Membrane
from dsf_export.targets.onnx.float_arithmetic import FloatArithmetic
from dsf_export.targets.onnx.graph import GraphBuilder
from dsf_export.targets.onnx.loihi_arithmetic import LoihiArithmetic
from dsf_export.targets.onnx.neurons import LifNeurons, fired_gates
from dsf_export.targets.onnx.schedule import Schedule, schedule_of
from dsf_export.targets.onnx.synapses import Arriving, Synapses
from dsf_export.targets.onnx.timeline import Timeline
from neuro_runtime.program import Program, SpikingProgram
from neuro_runtime.program.active_time_steps import active_time_steps
from neuro_runtime.program.decay import keeps_current
from neuro_runtime.program.headroom import state_bounds
from neuro_runtime.program.nodes import Accumulator, And, BiasLine, GradedRelu, Lif, SpikeInput


def add_neurons(graph: GraphBuilder, program: Program, token: str, largest_token: float | None = None) -> str:
    """Add a decision of ``program`` to ``graph``; its states and spikes become inputs and outputs.

    Parameters
    ----------
    token
        The token's current, (1, D): real, or integers of 32 bits in loihi arithmetic.
    largest_token
        The largest integer that it can be; by default what the program's encoder can reach.

    Returns
    -------
    str
        What the accumulator holds after the decision, (1, action_size).
    """
    neurons = ProgramNeurons(graph, program, {program.current_input.name: token}, largest_token)
    neurons.run()
    return neurons.accumulated(program.accumulator)


class ProgramNeurons:
    """The neurons of a program, for one period.

    Parameters
    ----------
    given
        What the host brings each input node: a row of current, or of spikes, (1, size).
    largest_current
        The largest integer of a current; by default what the program's encoder can reach.
    """

    def __init__(
        self,
        graph: GraphBuilder,
        program: SpikingProgram,
        given: Mapping[str, str],
        largest_current: float | None = None,
    ) -> None:
        self._graph = graph
        self._program = program
        self._schedule = schedule_of(program)
        self._arithmetic = _arithmetic(graph, program, largest_current)
        graph.begin("past")
        self._timelines = _timelines(graph, program, self._schedule, self._arithmetic, given)
        self._synapses = Synapses(self._arithmetic, program, self._timelines, given)
        self._lifs: dict[str, LifNeurons] = {}

    def run(self) -> None:
        """Add all time steps, and give out states and spikes."""
        for batch in self._schedule.batches:
            node = self._program.node(batch.node)
            self._graph.begin(batch.node)
            match node:
                case Lif():
                    spikes = self._neurons(node).run(batch.steps, self._synapses.arriving(node, batch.steps))
                    self._timelines[node.name].write(batch.steps, spikes)
                case And():
                    counted = self._synapses.arriving(node, batch.steps)
                    self._timelines[node.name].write(batch.steps, fired_gates(self._arithmetic, node.fan_in, counted))
                case GradedRelu():
                    raise UserError(
                        f"{node.name} sends graded spikes, which --target onnx does not write: export with "
                        "--chip portable"
                    )
                case _:
                    continue  # inputs are given, and the accumulator reads all that the others have sent
        self._graph.begin("next")
        for neurons in self._lifs.values():
            neurons.give_state()
        for timeline in self._timelines.values():
            timeline.give_state()
        for node in self._program.neurons:
            if node.spikes:
                self._timelines[node.name].give_spikes()

    def spikes(self, node: str) -> str:
        """Those of the last time step, (1, size)."""
        return self._timelines[node].rows([self._program.period - 1])

    def voltage(self, lif: Lif) -> str:
        """v after the last time step, (1, size)."""
        voltage = self._lifs[lif.name].voltage if lif.name in self._lifs else None
        return voltage or self._arithmetic.constant(np.zeros((1, lif.size)))

    def _neurons(self, lif: Lif) -> LifNeurons:
        if lif.name not in self._lifs:
            self._lifs[lif.name] = LifNeurons(
                self._arithmetic,
                lif,
                self._schedule.computed[lif.name],
                self._program.period,
                keeps_current(lif, self._program.arithmetic),
            )
        return self._lifs[lif.name]

    def accumulated(self, node: Accumulator) -> str:
        """The accumulator's sum after the decision, (1, size)."""
        self._graph.begin(node.name)
        steps = self._schedule.computed[node.name]
        if not steps:  # nothing reaches it, as where passes have taken away all that is silent
            return self._arithmetic.constant(np.zeros((1, node.size)))
        if self._arithmetic.sums_freely(node):
            return self._arithmetic.summed(self._synapses.apart(node, steps))
        return self._stepped(node, self._synapses.arriving(node, steps))

    def _stepped(self, node: Accumulator, arriving: Arriving) -> str:
        """The same, time step by time step, each of which may overflow."""
        membrane = Membrane()
        for row in arriving.split(self._graph, len(self._schedule.computed[node.name])):
            membrane = Membrane(None, self._arithmetic.update(node, membrane, row).voltage)
        assert membrane.voltage is not None
        return membrane.voltage


def _arithmetic(graph: GraphBuilder, program: SpikingProgram, largest_token: float | None) -> Arithmetic:
    if program.arithmetic == "float":
        return FloatArithmetic(graph)
    active = active_time_steps(program)
    bounds = {node.name: state_bounds(program, node, active, largest_token) for node in program.neurons}
    return LoihiArithmetic(graph, bounds)


def _timelines(
    graph: GraphBuilder,
    program: SpikingProgram,
    schedule: Schedule,
    arithmetic: Arithmetic,
    given: Mapping[str, str],
) -> dict[str, Timeline]:
    timelines: dict[str, Timeline] = {}
    for node in program.nodes:
        if not node.spikes:
            continue
        emitted, past = schedule.emitted[node.name], _decisions_back(program, schedule, node.name)
        timeline = Timeline(graph, node.name, node.size, emitted, program.period, past, arithmetic.spikes)
        timelines[node.name] = timeline
        if isinstance(node, BiasLine):
            timeline.write(emitted, graph.constant(np.ones((len(emitted), 1)), arithmetic.spikes))
        elif isinstance(node, SpikeInput):
            timeline.write(emitted, given[node.name])
    return timelines


def _decisions_back(program: SpikingProgram, schedule: Schedule, source: str) -> int:
    """How many decisions ago the earliest spike of ``source`` was sent that arrives in this one."""
    earliest = [
        schedule.computed[connection.target][0] - 1 - int(np.max(connection.delay))
        for connection in program.connections_from(source)
        if np.size(connection.delay) and schedule.computed[connection.target]
    ]
    return max(0, -(min(earliest, default=0) // program.period))
