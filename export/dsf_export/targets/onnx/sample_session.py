"""Samples through the ONNX model of a network, a call for each time step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from dsf_export.targets.onnx.rasters import Rasters
from dsf_export.targets.onnx.sample_model import INPUT, OUTPUT
from dsf_export.targets.onnx.session import OnnxSession
from neuro_runtime.program.sample import SampleProgram
from neuro_runtime.simulators.simulator import Raster


class OnnxSamples:
    """Runs the model that `sample_model` makes of a program."""

    def __init__(self, program: SampleProgram, model: onnx.ModelProto | Path) -> None:
        step = program.for_steps(1)
        self._kind = np.uint8 if program.encoder.kind == "spikes" else np.float64
        self._session = OnnxSession(model)
        self._rasters = Rasters(step)
        self._wanted = [OUTPUT, *self._rasters.outputs]

    def run(self, sample: NDArray[np.generic]) -> tuple[NDArray[np.float64], dict[str, Raster]]:
        """The output in each time step of a sample, (steps, *output_shape), and every spike, (steps, neurons)."""
        self._session.reset()
        outputs, rows = list[NDArray[np.float64]](), list[dict[str, Raster]]()
        for given in sample:
            output, *spikes = self._session.run({INPUT: given[None].astype(self._kind)}, self._wanted)
            outputs.append(output[0])
            rows.append(self._rasters.complete(spikes))
        return np.stack(outputs), {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
