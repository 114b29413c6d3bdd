"""The ``nengo-loihi`` backend: a program on the emulator of a Loihi 1 that nengo-loihi has."""

from __future__ import annotations

from neuro_runtime.backends.base import Backend
from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.policy_files import PolicyFiles
from neuro_runtime.program.storage import load_program
from neuro_runtime.simulators.nengo_loihi.session import NengoLoihiSession


def open_backend(files: PolicyFiles) -> Backend:
    """Open the policy's program.

    Raises
    ------
    UserError
        The policy has no program, it cannot be read, or nengo-loihi is missing or fails.
    """
    program = load_program(files.need_program())
    session = NengoLoihiSession(program)
    return ProgramBackend(program, session, on_close=session.close)
