"""The interpreter and Lava side by side on the same decisions, compared at every neuron and time step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.interpreter import InterpretedDecision, Interpreter
from neuro_runtime.lava.session import LavaSession
from neuro_runtime.program.program import Program

Values = NDArray[Any]


@dataclass(frozen=True)
class Difference:
    """Where the two first differ.

    Attributes
    ----------
    quantity
        ``spike``, ``current``, ``voltage`` or ``accumulator``.
    decision, time_step
        Counted from 0; time steps begin anew with every decision.
    node, neuron
        Whose it is.
    interpreter, lava
        The two values.
    """

    quantity: str
    decision: int
    time_step: int
    node: str
    neuron: int
    interpreter: int
    lava: int

    def __str__(self) -> str:
        return (
            f"{self.quantity} of {self.node}[{self.neuron}] in decision {self.decision}, time step {self.time_step}: "
            f"{self.interpreter} in the interpreter, {self.lava} in Lava"
        )


@dataclass(frozen=True)
class LockstepResult:
    """What was compared.

    Attributes
    ----------
    decisions
        Decisions run.
    compared, different
        Spikes: one for every neuron and time step, whether it fired or not.
    fired
        How many of them did fire, in the interpreter.
    states_compared, states_different
        Currents and voltages, likewise, where the session records them; and each decision's accumulator.
    first_difference
        None where the two are identical.
    """

    decisions: int
    compared: int
    different: int
    fired: int
    states_compared: int
    states_different: int
    first_difference: Difference | None


class Lockstep:
    """An executor that runs every decision twice and answers with Lava's.

    Parameters
    ----------
    program
        What both run.
    session
        Lava's, open on ``program``; it stays open.
    """

    def __init__(self, program: Program, session: LavaSession) -> None:
        self._accumulator = program.accumulator.name
        self._interpreter = Interpreter(program)
        self._session = session
        self._decisions = 0
        self._fired = 0
        self._spikes, self._states = _Tally(), _Tally()
        self._first: Difference | None = None

    @property
    def result(self) -> LockstepResult:
        """The comparison so far."""
        return LockstepResult(
            self._decisions,
            self._spikes.compared,
            self._spikes.different,
            self._fired,
            self._states.compared,
            self._states.different,
            self._first,
        )

    def reset(self) -> None:
        """Make both forget everything; what was counted stays."""
        self._interpreter.reset()
        self._session.reset()

    def decide(self, current: Values) -> InterpretedDecision:
        """Run one decision on both; ``current`` (D,) is the token's integer current."""
        ours = self._interpreter.decide(current, record=True)
        lavas = self._session.decide(current, record=True)
        assert ours.recording is not None
        assert lavas.recording is not None
        self._compare("spike", ours.recording.spikes, lavas.recording.spikes, self._spikes)
        self._compare("current", ours.recording.currents, lavas.recording.currents, self._states)
        self._compare("voltage", ours.recording.voltages, lavas.recording.voltages, self._states)
        self._compare("accumulator", self._result_of(ours), self._result_of(lavas), self._states)
        self._fired += sum(ours.spikes.values())
        self._decisions += 1
        return lavas

    def _result_of(self, decision: InterpretedDecision) -> dict[str, Values]:
        return {self._accumulator: decision.accumulator[None]}

    def _compare(self, quantity: str, ours: Mapping[str, Values], lavas: Mapping[str, Values], tally: _Tally) -> None:
        """Compare (steps, neurons) of every node that Lava recorded, earliest time step first."""
        unequal = {name: ours[name] != lavas[name] for name in lavas}
        tally.compared += sum(where.size for where in unequal.values())
        tally.different += sum(int(np.count_nonzero(where)) for where in unequal.values())
        if self._first is None:
            found = [(*np.argwhere(where)[0], name) for name, where in unequal.items() if where.any()]
            for step, neuron, name in sorted(found)[:1]:
                values = (int(recording[name][step, neuron]) for recording in (ours, lavas))
                self._first = Difference(quantity, self._decisions, int(step), name, int(neuron), *values)


@dataclass
class _Tally:
    compared: int = 0
    different: int = 0


def compare_in_lockstep(program: Program, currents: Iterable[Values], *, record_states: bool = False) -> LockstepResult:
    """Run the same decisions on the interpreter and on Lava's simulator, one after the other without a reset.

    Parameters
    ----------
    program
        In loihi arithmetic.
    currents
        The token's integer current of each decision, shape (D,).
    record_states
        Also compare every neuron's current and voltage after every time step; this takes longer.

    Raises
    ------
    UserError
        Lava is missing, fails or hangs.
    """
    with LavaSession(program, record_states=record_states) as session:
        lockstep = Lockstep(program, session)
        for current in currents:
            lockstep.decide(current)
        return lockstep.result
