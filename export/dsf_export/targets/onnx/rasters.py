"""A graph's spikes, which it gives in those time steps alone in which there can be any, as whole rasters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_export.targets.onnx.schedule import schedule_of
from neuro_runtime.program import SpikingProgram
from neuro_runtime.program.nodes import BiasLine, SpikeInput
from neuro_runtime.simulators.simulator import Raster

SPIKES = "spikes."


class Rasters:
    """The spikes of the nodes of ``program``, but for those that it is given.

    Attributes
    ----------
    outputs
        Names of the graph's outputs that bring them, in order.
    """

    def __init__(self, program: SpikingProgram) -> None:
        self._period = program.period
        self._emitted = schedule_of(program).emitted
        self._sizes = {
            node.name: node.size for node in program.nodes if node.spikes and not isinstance(node, SpikeInput)
        }
        self._bias_lines = [node.name for node in program.nodes if isinstance(node, BiasLine)]
        self._given = [name for name in self._sizes if self._emitted[name] and name not in self._bias_lines]
        self.outputs = [SPIKES + name for name in self._given]

    def counts(self, spikes: Sequence[NDArray[Any]]) -> dict[str, int]:
        """How many spikes each node emitted, of the tensors of ``outputs``."""
        silent = dict.fromkeys(self._sizes, 0)
        biases = {name: len(self._emitted[name]) for name in self._bias_lines}
        given = {name: int(np.count_nonzero(rows)) for name, rows in zip(self._given, spikes, strict=True)}
        return silent | biases | given

    def complete(self, spikes: Sequence[NDArray[Any]]) -> dict[str, Raster]:
        """Each node's spikes in every time step of the decision, (period, size)."""
        rasters = {name: np.zeros((self._period, size), dtype=bool) for name, size in self._sizes.items()}
        for name in self._bias_lines:
            rasters[name][list(self._emitted[name])] = True
        for name, rows in zip(self._given, spikes, strict=True):
            rasters[name][list(self._emitted[name])] = rows != 0
        return rasters
