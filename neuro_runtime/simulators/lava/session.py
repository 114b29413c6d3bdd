"""A program run by Lava in a process of its own: Lava needs a Python, and forks, that do not go with anything else."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from neuro_runtime.program.decay import current_loss, steps_to_zero, voltage_loss
from neuro_runtime.program.nodes import Lif
from neuro_runtime.program.program import Program
from neuro_runtime.program.wire import program_to_wire
from neuro_runtime.simulators.lava.worker.wire import Message
from neuro_runtime.simulators.lava.worker_process import WorkerProcess, find_lava_python
from neuro_runtime.simulators.simulator import NeuronRecording, SimulatedDecision


@dataclass(frozen=True)
class TimeLimits:
    """Seconds after which a worker that has not answered counts as hung."""

    start: float = 180.0
    decision: float = 60.0

    @classmethod
    def from_environment(cls) -> TimeLimits:
        """The defaults, or ``DSF_LAVA_TIME_LIMIT`` seconds for both.

        Raises
        ------
        UserError
            It is not a positive number.
        """
        value = os.environ.get("DSF_LAVA_TIME_LIMIT")
        if value is None:
            return cls()
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        if not 0 < seconds < math.inf:
            raise UserError(f"DSF_LAVA_TIME_LIMIT must be a positive number of seconds, got {value!r}")
        return cls(seconds, seconds)


class LavaSession:
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
        program: Program,
        *,
        record_states: bool = False,
        hardware: bool = False,
        limits: TimeLimits | None = None,
    ) -> None:
        if program.arithmetic != "loihi":
            raise UserError(
                f"Lava runs programs in loihi arithmetic and this one is {program.arithmetic}: "
                "export one with --target lava"
            )
        self._program = program
        self._limits = limits or TimeLimits.from_environment()
        self._size = program.current_input.size
        self._idle_decisions = idle_decisions(program)
        self._blank = True
        python = find_lava_python()
        self._worker = WorkerProcess(python)
        opened = self._worker.ask(_open_request(program, record_states, hardware), "starting", self._limits.start)
        if opened.kind == "no hardware":
            self.close()
            raise UserError(
                "running on Loihi needs lava-loihi, Intel's extension of Lava for members of its Neuromorphic Research "
                f"Community, in the environment of {python}: join the community to get it, or use --backend loihi-sim"
            )
        self._numbers = opened.arrays

    @property
    def pid(self) -> int:
        """The worker's process, which leads a process group of its own."""
        return self._worker.pid

    def decide(self, current: NDArray[Any], record: bool = False) -> SimulatedDecision:
        """Run one decision's ``period`` time steps.

        Parameters
        ----------
        current
            The token's integer current, shape (D,).
        record
            Also return every spike, and every current and voltage if the session records states.

        Raises
        ------
        UserError
            Lava fails or hangs, or the current has another shape.
        """
        current = np.asarray(current)
        if current.shape != (self._size,) or current.dtype.kind != "i":
            raise UserError(
                f"the token's current must be {self._size} integers, got {current.dtype} of shape {current.shape}"
            )
        self._blank = False
        request = Message("decide", arrays={"current": current.astype(np.int32)})
        answer = self._worker.ask(request, "deciding", self._limits.decision)
        spikes = self._spikes(answer)
        counts = {name: int(np.count_nonzero(raster)) for name, raster in spikes.items()}
        recording = self._recording(spikes, answer) if record else None
        return SimulatedDecision(answer.arrays["accumulator"], counts, recording)

    def reset(self) -> None:
        """Forget everything: spikes in flight are lost, then states decay to exactly 0 in decisions without input."""
        if not self._blank:
            request = Message("reset", {"idle_decisions": self._idle_decisions})
            self._worker.ask(request, "resetting", self._limits.decision * self._idle_decisions)
            self._blank = True

    def close(self) -> None:
        """End the worker; may be called twice."""
        self._worker.close()

    def __enter__(self) -> LavaSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _spikes(self, answer: Message) -> dict[str, NDArray[np.bool_]]:
        bits = np.unpackbits(answer.arrays["spikes"], axis=1).astype(bool)
        spiking = (node.name for node in self._program.nodes if node.spikes)
        return {name: bits[:, self._numbers[name]] for name in spiking}

    def _recording(self, spikes: Mapping[str, NDArray[np.bool_]], answer: Message) -> NeuronRecording:
        return NeuronRecording(dict(spikes), currents=self._states(answer, "u"), voltages=self._states(answer, "v"))

    def _states(self, answer: Message, variable: str) -> dict[str, NDArray[np.int64]]:
        if variable not in answer.arrays:
            return {}
        values = answer.arrays[variable].astype(np.int64)
        return {node.name: values[:, self._numbers[node.name]] for node in self._program.neurons}


def idle_decisions(program: Program) -> int:
    """Decisions without input after which every state is 0, whatever it was.

    Spikes that synapses still hold arrive in the first time step; then the currents decay to 0, and then the voltages.
    The accumulator is cleared at every decision.
    """
    decaying = [node.as_lif("loihi") for node in program.neurons if node.spikes]
    steps = 1 + max((_steps_to_zero(lif, program.period) for lif in decaying), default=0)
    return math.ceil(steps / program.period)


def _steps_to_zero(lif: Lif, at_most: int) -> int:
    return steps_to_zero(current_loss(lif), at_most) + steps_to_zero(voltage_loss(lif), at_most)


def _open_request(program: Program, record_states: bool, hardware: bool) -> Message:
    header, arrays = program_to_wire(program)
    graph = {name: array for name, array in arrays.items() if name.startswith(("nodes/", "connections/"))}
    fields = {"program": json.loads(header), "record_states": record_states, "hardware": hardware}
    return Message("open", fields, graph)
