"""A program run by nengo-loihi's emulator in a process of its own."""

from __future__ import annotations

from pathlib import Path

from dsf_common.errors import UserError
from neuro_runtime.program.program import SpikingProgram
from neuro_runtime.program.resets import require_no_resets
from neuro_runtime.simulators.worker.process import Emulator
from neuro_runtime.simulators.worker.session import TimeLimits, WorkerSession

NENGO_LOIHI = Emulator("nengo-loihi", Path(__file__).parent / "worker" / "main.py", "nengo-loihi 1.1.0")


class NengoLoihiSession(WorkerSession):
    """Runs a program on nengo-loihi's emulator, one decision at a time.

    Its decisions are those of `neuro_runtime.simulators.interpreter.Interpreter` for programs in the portable subset.

    Parameters
    ----------
    program
        A valid program in loihi arithmetic.
    record_states
        Let recordings hold every current and voltage besides the spikes.
    limits
        When a worker that does not answer is given up (default: see `TimeLimits.from_environment`).

    Raises
    ------
    UserError
        nengo-loihi is missing, fails or hangs, or the program is not in loihi arithmetic, or resets neurons.
    """

    def __init__(
        self, program: SpikingProgram, *, record_states: bool = False, limits: TimeLimits | None = None
    ) -> None:
        _require_loihi_1(program)
        super().__init__(program, NENGO_LOIHI, limits, record_states=record_states)

    def load(self, program: SpikingProgram) -> None:
        """Run another program from now on, in the same worker.

        Raises
        ------
        UserError
            As for a new session.
        """
        _require_loihi_1(program)
        self._open(program)


def _require_loihi_1(program: SpikingProgram) -> None:
    """Refuse graded spikes and resets, which a Loihi 1 has not."""
    graded = [node.name for node in program.nodes if node.spikes and node.graded]
    if graded:
        raise UserError(
            f"{graded[0]} sends graded spikes, which a Loihi 1 and its emulator have not: export with --chip portable, "
            "or run on loihi-sim or loihi-fast"
        )
    require_no_resets(program, "nengo-loihi's Loihi 1")
