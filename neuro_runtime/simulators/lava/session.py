"""A program run by Lava in a process of its own: Lava needs a Python, and forks, that do not go with anything else."""

from __future__ import annotations

import math
from pathlib import Path

from dsf_common.errors import UserError
from neuro_runtime.program.decay import current_loss, steps_to_zero, voltage_loss
from neuro_runtime.program.nodes import Lif
from neuro_runtime.program.program import SpikingProgram
from neuro_runtime.simulators.worker.process import Emulator
from neuro_runtime.simulators.worker.session import TimeLimits, WorkerSession
from neuro_runtime.simulators.worker.wire import Message

LAVA = Emulator("Lava", Path(__file__).parent / "worker" / "main.py", "lava-nc 0.10.0")


class LavaSession(WorkerSession):
    """Runs a program on Lava's fixed-point simulator, or on Loihi, one decision at a time.

    Its decisions are those of `neuro_runtime.simulators.interpreter.Interpreter`, spike for spike.

    Parameters
    ----------
    program
        A valid program in loihi arithmetic.
    record_states
        Let recordings hold every current and voltage besides the spikes.
    hardware
        Run on Loihi 2 instead of the simulator. Needs Intel's closed extension of Lava.
    limits
        When a worker that does not answer is given up (default: see `TimeLimits.from_environment`).

    Raises
    ------
    UserError
        Lava, or what it needs for hardware, is missing; it fails or hangs; or the program is not in loihi arithmetic.
    """

    def __init__(
        self,
        program: SpikingProgram,
        *,
        record_states: bool = False,
        hardware: bool = False,
        limits: TimeLimits | None = None,
    ) -> None:
        self._idle_decisions = idle_decisions(program) if program.holds_input else 1
        super().__init__(program, LAVA, limits, record_states=record_states, hardware=hardware)
        if self._opened.kind == "no hardware":
            self.close()
            raise UserError(
                "running on Loihi needs lava-loihi, Intel's extension of Lava for members of its Neuromorphic Research "
                f"Community, in the environment of {self._worker.python}: join the community to get it, or use "
                "--backend loihi-sim"
            )

    def _forget(self) -> None:
        """Lose the spikes in flight; then states decay to exactly 0 in decisions without input."""
        request = Message("reset", {"idle_decisions": self._idle_decisions})
        self._worker.ask(request, "resetting", self._limits.decision * self._idle_decisions)


def idle_decisions(program: SpikingProgram) -> int:
    """Decisions without input after which every state is 0, whatever it was.

    Spikes that synapses still hold arrive in the first time step; then the currents decay to 0, and then the voltages.
    The accumulator is cleared at every decision.
    """
    decaying = [node.as_lif("loihi") for node in program.neurons if node.spikes]
    steps = 1 + max((_steps_to_zero(lif, program.period) for lif in decaying), default=0)
    return math.ceil(steps / program.period)


def _steps_to_zero(lif: Lif, at_most: int) -> int:
    return steps_to_zero(current_loss(lif), at_most) + steps_to_zero(voltage_loss(lif), at_most)
