"""The ``loihi-sim`` backend: a program on Lava's fixed-point simulator of Loihi."""

from __future__ import annotations

from neuro_runtime.backends.base import Backend
from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.policy_files import PolicyFiles
from neuro_runtime.program.storage import load_program
from neuro_runtime.simulators.lava.session import LavaSession


def open_backend(files: PolicyFiles) -> Backend:
    """Open the policy's program.

    Raises
    ------
    UserError
        The policy has no program, it cannot be read, or Lava is missing or fails.
    """
    program = load_program(files.need_program())
    session = LavaSession(program)
    return ProgramBackend(program, session, on_close=session.close)
