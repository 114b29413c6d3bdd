"""A program run in a worker process, one decision at a time."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from neuro_runtime.program.program import SpikingProgram
from neuro_runtime.program.wire import program_to_wire
from neuro_runtime.simulators.simulator import NeuronRecording, SimulatedDecision
from neuro_runtime.simulators.worker.process import Emulator, WorkerProcess
from neuro_runtime.simulators.worker.wire import Message

Session = TypeVar("Session", bound="WorkerSession")


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


class WorkerSession:
    """Runs a program on an emulator in a worker process.

    Parameters
    ----------
    program
        A valid program in loihi arithmetic.
    emulator
        The emulator.
    limits
        When a worker that does not answer is given up (default: see `TimeLimits.from_environment`).
    record_states
        Let recordings hold every current and voltage besides the spikes.
    options
        More fields of the request that opens the program.

    Raises
    ------
    UserError
        The emulator is missing, fails or hangs, or the program is not in loihi arithmetic.
    """

    def __init__(
        self,
        program: SpikingProgram,
        emulator: Emulator,
        limits: TimeLimits | None,
        *,
        record_states: bool,
        **options: bool,
    ) -> None:
        self._emulator = emulator
        self._limits = limits or TimeLimits.from_environment()
        self._options = {"record_states": record_states, **options}
        _must_be_loihi(program, emulator)
        self._worker = WorkerProcess(emulator)
        self._open(program)

    def _open(self, program: SpikingProgram) -> None:
        """Have the worker run ``program``, which it then knows nothing of."""
        _must_be_loihi(program, self._emulator)
        self._program = program
        self._shape = (program.input_size,) if program.holds_input else (program.period, program.input_size)
        self._blank = True
        self._opened = self._worker.ask(_open_request(program, self._options), "starting", self._limits.start)
        self._numbers = self._opened.arrays

    @property
    def pid(self) -> int:
        """The worker's process, which leads a process group of its own."""
        return self._worker.pid

    def decide(self, current: NDArray[Any], record: bool = False) -> SimulatedDecision:
        """Run one decision's ``period`` time steps.

        Parameters
        ----------
        current
            What the host gives, integers: the token's current, (D,), or a row for each time step, (period, columns).
        record
            Also return every spike, and every current and voltage if the session records states.

        Raises
        ------
        UserError
            The emulator fails or hangs, or the input has another shape.
        """
        current = np.asarray(current)
        if current.shape != self._shape or current.dtype.kind != "i":
            raise UserError(
                f"the host's input must be integers of shape {self._shape}, got {current.dtype} {current.shape}"
            )
        self._blank = False
        request = Message("decide", arrays={"current": current.astype(np.int32)})
        answer = self._worker.ask(request, "deciding", self._limits.decision)
        spikes = self._spikes(answer)
        counts = {name: int(np.count_nonzero(raster)) for name, raster in spikes.items()}
        recording = self._recording(spikes, answer) if record else None
        return SimulatedDecision(answer.arrays["accumulator"], counts, recording)

    def reset(self) -> None:
        """Forget everything: states, and spikes in flight."""
        if not self._blank:
            self._forget()
            self._blank = True

    def _forget(self) -> None:
        self._worker.ask(Message("reset"), "resetting", self._limits.decision)

    def close(self) -> None:
        """End the worker; may be called twice."""
        self._worker.close()

    def __enter__(self: Session) -> Session:
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


def _must_be_loihi(program: SpikingProgram, emulator: Emulator) -> None:
    if program.arithmetic != "loihi":
        raise UserError(
            f"{emulator.name} runs programs in loihi arithmetic and this one is {program.arithmetic}: "
            "export one with --target lava"
        )


def _open_request(program: SpikingProgram, options: Mapping[str, bool]) -> Message:
    header, arrays = program_to_wire(replace(program, connections=tuple(program.unfolded)))
    graph = {name: array for name, array in arrays.items() if name.startswith(("nodes/", "connections/"))}
    return Message("open", {"program": json.loads(header), **options}, graph)
