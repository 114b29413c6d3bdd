"""The neurons of one node through the time steps of a decision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dsf_export.targets.onnx.arithmetic import Arithmetic, Membrane
from dsf_export.targets.onnx.synapses import Arriving
from neuro_runtime.program.nodes import Lif


class LifNeurons:
    """Leaky integrate-and-fire neurons, stepped in order.

    Their membranes are inputs and outputs of the graph, unless nothing of them can be left when the next decision
    begins.

    Parameters
    ----------
    steps
        The time steps that will be computed; in those between, nothing arrives.
    period
        Time steps of a decision.
    keeps_current
        Whether u outlasts a time step.
    """

    def __init__(
        self, arithmetic: Arithmetic, lif: Lif, steps: Sequence[int], period: int, keeps_current: bool
    ) -> None:
        self._arithmetic, self._graph = arithmetic, arithmetic.graph
        self._lif, self._period = lif, period
        self._time = -1  # the last time step that the membrane has seen
        self._idle_to_the_end = period - 1 - steps[-1]
        forgets = self._is_reset(steps[-1] - period, steps[0]) or arithmetic.forgets(
            lif, self._idle_to_the_end + steps[0]
        )
        self._lasts = keeps_current or not forgets
        self._keeps_current = keeps_current
        self._membrane = self._initial()
        self._fired: str | None = None

    def run(self, steps: Sequence[int], arriving: Arriving) -> str:
        """Spikes of ``steps``, (steps, size)."""
        rows = arriving.split(self._graph, len(steps))
        fired = [self._step(step, row) for step, row in zip(steps, rows, strict=True)]
        together = fired[0] if len(fired) == 1 else self._graph.op("Concat", *fired, axis=0)
        return self._graph.cast(together, self._arithmetic.spikes)

    @property
    def voltage(self) -> str | None:
        """v after the period's last time step; None stands for 0."""
        return self._after(self._idle_to_the_end).voltage

    def give_state(self) -> None:
        """Give out the membranes that the next decision begins with."""
        if not self._lasts:
            return
        membrane = self._after(self._idle_to_the_end)
        for state, value in (("voltage", membrane.voltage), ("current", membrane.current)):
            if value is not None:
                self._graph.output(f"next.{state}.{self._lif.name}", value, self._arithmetic.state, self._shape)

    @property
    def _shape(self) -> tuple[int, int]:
        return 1, self._lif.size

    def _initial(self) -> Membrane:
        if not self._lasts:
            return Membrane()
        voltage = self._graph.input(f"voltage.{self._lif.name}", self._arithmetic.state, self._shape)
        if not self._keeps_current:
            return Membrane(None, voltage)
        return Membrane(self._graph.input(f"current.{self._lif.name}", self._arithmetic.state, self._shape), voltage)

    def _step(self, step: int, arriving: str) -> str:
        before = Membrane() if self._is_reset(self._time, step) else self._after(step - self._time - 1)
        self._time = step
        self._membrane = self._arithmetic.update(self._lif, before, arriving)
        assert self._membrane.voltage is not None
        self._fired = self._arithmetic.fires(self._lif, self._membrane.voltage)
        return self._fired

    def _is_reset(self, before: int, step: int) -> bool:
        """Whether the neurons are reset after time step ``before``, below 0 in the decision before, up to ``step``."""
        reset = self._lif.reset_step
        return reset is not None and (before < reset <= step or before < reset - self._period <= step)

    def _after(self, idle: int) -> Membrane:
        """The membrane after its reset, where it has fired, and ``idle`` time steps; of those that keep u, none."""
        if idle and self._arithmetic.forgets(self._lif, idle):
            return Membrane()
        voltage = self._membrane.voltage
        if self._fired is not None and voltage is not None:
            voltage = self._arithmetic.reset(voltage, self._fired)
        current = self._membrane.current if self._keeps_current else None
        return Membrane(current, self._arithmetic.idle(self._lif, voltage, idle))


def fired_gates(arithmetic: Arithmetic, fan_in: int, arriving: Arriving) -> str:
    """Spikes of AND gates, (steps, size), whose inputs are counted."""
    graph = arithmetic.graph
    fired = graph.op("Greater", arriving.tensor, graph.constant(np.array(fan_in - 1), arithmetic.state))
    return graph.cast(fired, arithmetic.spikes)
