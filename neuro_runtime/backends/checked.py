"""``dsf-run --check``: two simulators in co-simulation, stopped by the first neuron in which they differ."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from numpy.typing import NDArray

from dsf_common.errors import GateFailed, UserError
from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.policy_files import PolicyFiles
from neuro_runtime.program.program import SpikingProgram
from neuro_runtime.program.storage import load_program
from neuro_runtime.simulators.by_name import SIMULATORS, open_simulator
from neuro_runtime.simulators.co_simulation import CoSimulation, CoSimulationResult
from neuro_runtime.simulators.simulator import SimulatedDecision


def compared_by_default(backend: str) -> str:
    """The simulator that ``--check`` alone runs beside ``backend``."""
    return "interpreter" if backend == "loihi-fast" else "loihi-fast"


class CheckedBackend(ProgramBackend):
    """A program on one simulator, each decision compared with another's: every spike, current and voltage.

    Parameters
    ----------
    files
        The policy.
    backend
        The simulator whose decisions count.
    beside
        The other one.

    Raises
    ------
    UserError
        One of them is no simulator that tells its states, they are the same, the policy has no program, it cannot be
        read, or an emulator is missing or fails.
    """

    def __init__(self, files: PolicyFiles, backend: str, beside: str) -> None:
        require_two(backend, beside)
        program = load_program(files.need_program())
        with ExitStack() as open_sessions:
            self._checked = CheckedSimulator(program, backend, beside, open_sessions)
            on_close = open_sessions.pop_all().close
        super().__init__(program, self._checked, on_close)

    @property
    def result(self) -> CoSimulationResult:
        """The comparison of all decisions up to now."""
        return self._checked.result


def require_two(backend: str, beside: str) -> None:
    """Refuse names that are not two simulators which tell their states.

    Raises
    ------
    UserError
        One is none, or they are the same.
    """
    for name in (backend, beside):
        if name not in SIMULATORS:
            raise UserError(f"--check compares two of {', '.join(SIMULATORS)}, and {name} is none of them")
    if backend == beside:
        raise UserError(f"--check compares two simulators, and both are {backend}")


class CheckedSimulator:
    """A co-simulation of two simulators that ends at the first difference; what it opens is closed with ``opened``.

    Parameters
    ----------
    backend, beside
        Names of simulators; the first one's decisions count.
    """

    def __init__(self, program: SpikingProgram, backend: str, beside: str, opened: ExitStack) -> None:
        first, second = (open_simulator(name, program, opened) for name in (beside, backend))
        self._co_simulation = CoSimulation(program, first, second, (beside, backend))

    @property
    def result(self) -> CoSimulationResult:
        """The comparison of all decisions up to now."""
        return self._co_simulation.result

    def reset(self) -> None:
        self._co_simulation.reset()

    def decide(self, current: NDArray[Any], record: bool = True) -> SimulatedDecision:
        decision = self._co_simulation.decide(current)
        if difference := self._co_simulation.result.first_difference:
            raise GateFailed(f"the simulators differ: {difference}; likely cause: {self._co_simulation.cause}")
        return decision
