"""The ``loihi-sim`` backend: a program on Lava's fixed-point simulator of Loihi."""

from __future__ import annotations

from neuro_runtime.backends.base import Backend
from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.backends.sample_backend import SampleBackend
from neuro_runtime.policy_files import PolicyFiles
from neuro_runtime.program.sample import SampleProgram
from neuro_runtime.program.storage import load_policy_or_network
from neuro_runtime.simulators.lava.session import LavaSession
from neuro_runtime.simulators.simulator import Simulator


def open_backend(files: PolicyFiles) -> Backend:
    """Open the policy's program.

    Raises
    ------
    UserError
        The policy has no program, it cannot be read, or Lava is missing or fails.
    """
    program = load_policy_or_network(files.need_program())
    if isinstance(program, SampleProgram):
        return SampleBackend(program, files.need_program(), _open, _close)
    session = LavaSession(program)
    return ProgramBackend(program, session, on_close=session.close)


def _open(program: SampleProgram) -> Simulator:
    return LavaSession(program, record_states=any(output.quantity == "membrane" for output in program.outputs))


def _close(simulator: Simulator) -> None:
    if isinstance(simulator, LavaSession):
        simulator.close()
