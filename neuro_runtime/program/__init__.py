"""The program: a policy as spiking neurons, its file, its rules."""

from neuro_runtime.program.program import HostEncoder, HostReadout, Program, SpikingProgram
from neuro_runtime.program.sample import SampleProgram
from neuro_runtime.program.storage import load_program, load_spiking_program, program_hash, save_program
from neuro_runtime.program.validate import validate
from neuro_runtime.program.wire import program_from_wire, program_to_wire

__all__ = [
    "HostEncoder",
    "HostReadout",
    "Program",
    "SampleProgram",
    "SpikingProgram",
    "load_program",
    "load_spiking_program",
    "program_from_wire",
    "program_hash",
    "program_to_wire",
    "save_program",
    "validate",
]
