"""The simulators that tell their states, by the names of their backends."""

from __future__ import annotations

from contextlib import ExitStack

from neuro_runtime.program.program import SpikingProgram
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.lava.session import LavaSession
from neuro_runtime.simulators.nengo_loihi.session import NengoLoihiSession
from neuro_runtime.simulators.simulator import Simulator

SIMULATORS = ("interpreter", "loihi-fast", "loihi-sim", "nengo-loihi")


def open_simulator(name: str, program: SpikingProgram, opened: ExitStack, record_states: bool = True) -> Simulator:
    """The simulator called ``name``, one of `SIMULATORS`; one that is a worker's is closed with ``opened``.

    Without ``record_states`` a worker keeps its states to itself.
    """
    match name:
        case "interpreter":
            return Interpreter(program)
        case "loihi-fast":
            from neuro_runtime.simulators.loihi_fast import LoihiFast  # needs numba

            return LoihiFast(program)
        case "loihi-sim":
            return opened.enter_context(LavaSession(program, record_states=record_states))
        case "nengo-loihi":
            return opened.enter_context(NengoLoihiSession(program, record_states=record_states))
        case _:
            raise ValueError(f"{name} is none of {', '.join(SIMULATORS)}")
