"""``dsf-run --check``: Lava's simulator and ours in lockstep, stopped by the first neuron in which they differ."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from dsf_common.errors import GateFailed
from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.interpreter import InterpretedDecision
from neuro_runtime.lava.session import LavaSession
from neuro_runtime.lockstep import Lockstep, LockstepResult
from neuro_runtime.loihi_fast import LoihiFast
from neuro_runtime.policy_files import PolicyFiles
from neuro_runtime.program.storage import load_program


class CheckedBackend(ProgramBackend):
    """A program on Lava's simulator, each decision compared with loihi-fast's: every spike, current and voltage.

    Parameters
    ----------
    files
        The policy.

    Raises
    ------
    UserError
        The policy has no program, it cannot be read, or Lava is missing or fails.
    """

    def __init__(self, files: PolicyFiles) -> None:
        program = load_program(files.need_program())
        session = LavaSession(program, record_states=True)
        self._lockstep = Lockstep(program, LoihiFast(program), session, ("loihi-fast", "loihi-sim"))
        super().__init__(program, _Stopping(self._lockstep), on_close=session.close)

    @property
    def result(self) -> LockstepResult:
        """The comparison so far."""
        return self._lockstep.result


class _Stopping:
    """A lockstep that ends at the first difference."""

    def __init__(self, lockstep: Lockstep) -> None:
        self._lockstep = lockstep

    def reset(self) -> None:
        self._lockstep.reset()

    def decide(self, current: NDArray[Any]) -> InterpretedDecision:
        decision = self._lockstep.decide(current)
        if difference := self._lockstep.result.first_difference:
            raise GateFailed(f"the simulators differ: {difference}")
        return decision
