"""Co-simulation: two simulators on the same decisions, compared at every neuron and time step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np

from neuro_runtime.program.program import SpikingProgram
from neuro_runtime.simulators.likely_cause import likely_cause
from neuro_runtime.simulators.simulator import NeuronRecording, SimulatedDecision, Simulator, Values


@dataclass(frozen=True)
class Difference:
    """Where two simulators first differ.

    Attributes
    ----------
    quantity
        ``spike``, ``current``, ``voltage`` or ``accumulator``.
    decision, time_step
        Counted from 0; time steps begin anew with every decision.
    node, neuron
        Whose it is.
    values
        The two simulators' values.
    voltages
        v of the neuron after that time step in both, where both recorded it.
    names
        The simulators'.
    """

    quantity: str
    decision: int
    time_step: int
    node: str
    neuron: int
    values: tuple[int, int]
    voltages: tuple[int, int] | None
    names: tuple[str, str]

    def __str__(self) -> str:
        (ours, theirs), (first, second) = self.values, self.names
        text = (
            f"{self.quantity} of {self.node}[{self.neuron}] in decision {self.decision}, time step {self.time_step}: "
            f"{ours} in {first}, {theirs} in {second}"
        )
        if self.voltages is None or self.quantity == "voltage":
            return text
        return f"{text}; its voltage {self.voltages[0]} and {self.voltages[1]}"


@dataclass(frozen=True)
class CoSimulationResult:
    """The extent of the comparison.

    Attributes
    ----------
    decisions
        Decisions run.
    compared, different
        Spikes: one for every neuron and time step, whether it fired or not.
    fired
        How many of them did fire, in the first simulator.
    states_compared, states_different
        Currents and voltages, likewise, where both record them; and each decision's accumulator.
    first_difference
        None where the two are identical.
    names
        The simulators'.
    """

    decisions: int
    compared: int
    different: int
    fired: int
    states_compared: int
    states_different: int
    first_difference: Difference | None
    names: tuple[str, str]


@runtime_checkable
class ComparesSimulators(Protocol):
    """A backend that runs two simulators in co_simulation."""

    @property
    def result(self) -> CoSimulationResult: ...


class CoSimulation:
    """Runs every decision on two simulators and answers with the second one's.

    Parameters
    ----------
    program
        The program that both run.
    first, second
        The simulators; they stay open.
    names
        The names that reports call them by.
    """

    def __init__(self, program: SpikingProgram, first: Simulator, second: Simulator, names: tuple[str, str]) -> None:
        self._program = program
        self._first, self._second = first, second
        self._names = names
        self._period = program.period
        self._decisions = 0
        self._fired = 0
        self._spikes, self._states = _Tally(), _Tally()
        self._difference: Difference | None = None
        self._cause: str | None = None

    @property
    def cause(self) -> str | None:
        """The likely cause of the first difference, where both simulators record states."""
        return self._cause

    @property
    def result(self) -> CoSimulationResult:
        """The comparison of all decisions up to now."""
        return CoSimulationResult(
            self._decisions,
            self._spikes.compared,
            self._spikes.different,
            self._fired,
            self._states.compared,
            self._states.different,
            self._difference,
            self._names,
        )

    def reset(self) -> None:
        """Make both forget everything; what was counted stays."""
        self._first.reset()
        self._second.reset()

    def decide(self, current: Values, record: bool = True) -> SimulatedDecision:
        """Run one decision on both; ``current`` is what the host gives, integers. Both record it in any case."""
        ours, theirs = self._first.decide(current, record=True), self._second.decide(current, record=True)
        assert ours.recording is not None
        assert theirs.recording is not None
        found = [
            self._compare("spike", ours.recording.spikes, theirs.recording.spikes, self._spikes),
            self._compare("current", ours.recording.currents, theirs.recording.currents, self._states),
            self._compare("voltage", ours.recording.voltages, theirs.recording.voltages, self._states),
            self._compare("accumulator", self._result_of(ours), self._result_of(theirs), self._states),
        ]
        if self._difference is None and (places := [place for place in found if place]):
            # Among several at the same time step it is the first in the list above, a spike if there is one.
            first = min(places, key=lambda place: place.time_step)
            self._difference = _with_voltages(first, ours.recording, theirs.recording)
            self._cause = self._cause_of(self._difference, ours.recording, theirs.recording)
        self._fired += sum(ours.spikes.values())
        self._decisions += 1
        return theirs

    def _cause_of(self, difference: Difference, ours: NeuronRecording, theirs: NeuronRecording) -> str | None:
        node, place = difference.node, (difference.time_step, difference.neuron)
        if difference.voltages is None:
            return None
        currents = int(ours.currents[node][place]), int(theirs.currents[node][place])
        return likely_cause(self._program, node, currents, difference.voltages)

    def _result_of(self, decision: SimulatedDecision) -> dict[str, Values]:
        """The accumulator as (1, size), as if it were the last of the decision's time steps."""
        return {node.name: decision.accumulator[None] for node in self._program.accumulators}

    def _compare(
        self, quantity: str, ours: Mapping[str, Values], theirs: Mapping[str, Values], tally: _Tally
    ) -> Difference | None:
        """Compare the (steps, neurons) of every node that both recorded; where they first differ."""
        unequal = {name: ours[name] != theirs[name] for name in ours if name in theirs}
        tally.compared += sum(where.size for where in unequal.values())
        tally.different += sum(int(np.count_nonzero(where)) for where in unequal.values())
        found = [(*np.argwhere(where)[0].tolist(), name) for name, where in unequal.items() if where.any()]
        for step, neuron, name in sorted(found)[:1]:
            values = int(ours[name][step, neuron]), int(theirs[name][step, neuron])
            time_step = self._period - 1 if quantity == "accumulator" else step
            return Difference(quantity, self._decisions, time_step, name, neuron, values, None, self._names)
        return None


def _with_voltages(difference: Difference, ours: NeuronRecording, theirs: NeuronRecording) -> Difference:
    both = [recording.voltages.get(difference.node) for recording in (ours, theirs)]
    if any(voltages is None for voltages in both):
        return difference
    first, second = (int(v[difference.time_step, difference.neuron]) for v in both if v is not None)
    return replace(difference, voltages=(first, second))


@dataclass
class _Tally:
    compared: int = 0
    different: int = 0
