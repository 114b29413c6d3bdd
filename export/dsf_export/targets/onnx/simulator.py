"""A program's neurons in ONNX Runtime, as a simulator, and the backend of that name."""

from __future__ import annotations

import numpy as np

from dsf_export.targets.onnx.program_model import ACCUMULATOR, TOKEN, neurons_model
from dsf_export.targets.onnx.rasters import Rasters
from dsf_export.targets.onnx.session import OnnxSession
from neuro_runtime.backends.base import Backend
from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.policy_files import PolicyFiles
from neuro_runtime.program import Program
from neuro_runtime.program.storage import load_program
from neuro_runtime.simulators.simulator import NeuronRecording, SimulatedDecision, Values


def open_backend(files: PolicyFiles) -> Backend:
    """Open the policy's program.

    Raises
    ------
    UserError
        The policy has no program, or it cannot be read.
    """
    program = load_program(files.need_program())
    return ProgramBackend(program, OnnxSimulator(program))


class OnnxSimulator:
    """Runs a loihi program's neurons; it records spikes, and no states."""

    def __init__(self, program: Program) -> None:
        self._session = OnnxSession(neurons_model(program))
        self._rasters = Rasters(program)
        self._wanted = [ACCUMULATOR, *self._rasters.outputs]

    def reset(self) -> None:
        """Forget everything: states, and spikes in flight."""
        self._session.reset()

    def decide(self, current: Values, record: bool = False) -> SimulatedDecision:
        """Run one decision; ``current`` (D,) is the token's, in integers."""
        accumulator, *spikes = self._session.run({TOKEN: np.asarray(current, np.int32)[None]}, self._wanted)
        recording = NeuronRecording(self._rasters.complete(spikes), {}, {}) if record else None
        return SimulatedDecision(accumulator[0].astype(np.int64), self._rasters.counts(spikes), recording)
