"""``dsf-run --check``: Lava's simulator and ours in co-simulation, stopped by the first neuron in which they differ."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from dsf_common.errors import GateFailed
from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.policy_files import PolicyFiles
from neuro_runtime.program.storage import load_program
from neuro_runtime.simulators.co_simulation import CoSimulation, CoSimulationResult
from neuro_runtime.simulators.lava.session import LavaSession
from neuro_runtime.simulators.loihi_fast import LoihiFast
from neuro_runtime.simulators.simulator import SimulatedDecision


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
        self._co_simulation = CoSimulation(program, LoihiFast(program), session, ("loihi-fast", "loihi-sim"))
        super().__init__(program, _StopAtDifference(self._co_simulation), on_close=session.close)

    @property
    def result(self) -> CoSimulationResult:
        """The comparison of all decisions up to now."""
        return self._co_simulation.result


class _StopAtDifference:
    """A co-simulation that ends at the first difference."""

    def __init__(self, co_simulation: CoSimulation) -> None:
        self._co_simulation = co_simulation

    def reset(self) -> None:
        self._co_simulation.reset()

    def decide(self, current: NDArray[Any], record: bool = True) -> SimulatedDecision:
        decision = self._co_simulation.decide(current)
        if difference := self._co_simulation.result.first_difference:
            raise GateFailed(f"the simulators differ: {difference}")
        return decision
