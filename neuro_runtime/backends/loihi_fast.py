"""The ``loihi-fast`` backend: a program on our compiled simulator of Loihi's arithmetic, alone or many at once."""

from __future__ import annotations

from collections.abc import Sequence

from neuro_runtime.backends.base import Backend, Decision
from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.backends.sample_backend import SampleBackend
from neuro_runtime.policy_files import PolicyFiles
from neuro_runtime.program.arrival_peaks import ArrivalPeaks
from neuro_runtime.program.program import Program
from neuro_runtime.program.sample import SampleProgram
from neuro_runtime.program.storage import load_policy_or_network, load_program
from neuro_runtime.simulators.loihi_fast import LoihiFast
from neuro_runtime.simulators.loihi_fast.host import CompiledHost
from neuro_runtime.simulators.state_peaks import StatePeaks
from neuro_runtime.token import Token


def open_backend(files: PolicyFiles) -> Backend:
    """Open the policy's program.

    Raises
    ------
    UserError
        The policy has no program, or it cannot be read.
    """
    program = load_policy_or_network(files.need_program())
    if isinstance(program, SampleProgram):
        return SampleBackend(program, files.need_program(), LoihiFast)
    return LoihiFastBackend(program)


def open_policy(files: PolicyFiles) -> LoihiFastBackend:
    """Open the program of a policy, which has lanes.

    Raises
    ------
    UserError
        There is none, it cannot be read, or it is no policy.
    """
    return LoihiFastBackend(load_program(files.need_program()))


class LoihiFastBackend(ProgramBackend):
    """A program on `LoihiFast`, which has as many lanes as are opened."""

    def __init__(self, program: Program) -> None:
        self._alone = self._lanes = LoihiFast(program)
        self._host = CompiledHost(program.encoder, program.readout)
        super().__init__(program, self._alone)

    @property
    def clipped_inputs(self) -> int:
        """Entries of observations that were clipped up to now."""
        return self._host.clipped_inputs

    @property
    def state_peaks(self) -> list[StatePeaks]:
        """The largest states of every node up to now, in whichever lanes were stepped."""
        alone, lanes = self._alone.state_peaks, self._lanes.state_peaks
        return [ours.or_larger(theirs) for ours, theirs in zip(alone, lanes, strict=True)]

    @property
    def arrival_peaks(self) -> list[ArrivalPeaks]:
        """The most that has arrived at every node in a time step up to now, in whichever lanes were stepped."""
        alone, lanes = self._alone.arrival_peaks, self._lanes.arrival_peaks
        return [ours.or_larger(theirs) for ours, theirs in zip(alone, lanes, strict=True)]

    def open_lanes(self, count: int) -> None:
        """Make lanes 0 … count − 1, none of which has seen a token."""
        self._lanes = LoihiFast(self._program, count)

    def reset_lane(self, lane: int) -> None:
        """Begin an episode in one lane; the others go on."""
        self._lanes.reset(lane)

    def decide(self, token: Token) -> Decision:
        """Answer one environment step."""
        currents, integers = self._host.encode([token])
        decision = self._alone.decide_first(integers)
        (action,) = self._host.decode(decision.accumulators, currents)
        (activity,) = self._meter.activities(decision.spikes)
        return Decision(action, activity)

    def decide_lanes(self, lanes: Sequence[int], tokens: Sequence[Token]) -> list[Decision]:
        """Answer one environment step in each of ``lanes``."""
        currents, integers = self._host.encode(tokens)
        batch = self._lanes.decide_batch(lanes, integers)
        actions = self._host.decode(batch.accumulators, currents)
        return list(map(Decision, actions, self._meter.activities(batch.spikes)))
