"""The ``interpreter`` backend: a program run by its definition, in plain numpy."""

from __future__ import annotations

from neuro_runtime.backends.base import Backend
from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.backends.sample_backend import SampleBackend
from neuro_runtime.policy_files import PolicyFiles
from neuro_runtime.program.sample import SampleProgram
from neuro_runtime.program.storage import load_policy_or_network
from neuro_runtime.simulators.interpreter import Interpreter


def open_backend(files: PolicyFiles) -> Backend:
    """Open the policy's program.

    Raises
    ------
    UserError
        The policy has no program, or it cannot be read.
    """
    program = load_policy_or_network(files.need_program())
    if isinstance(program, SampleProgram):
        return SampleBackend(program, files.need_program(), Interpreter)
    return ProgramBackend(program, Interpreter(program))
