"""The ``loihi`` backend: a program on a Loihi 2 chip, through Lava and Intel's closed extension of it.

It hands Lava the graph of the ``loihi-sim`` backend with the configuration for hardware. Nobody has run it on a chip.
"""

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
        The policy has no program, it cannot be read, or Lava or its extension for hardware is missing.
    """
    program = load_program(files.need_program())
    session = LavaSession(program, hardware=True)
    return ProgramBackend(program, session, on_close=session.close)
