"""The residual stream of a lowered policy: a current, so it is no layer.

The token's current and the synapses of every earlier projection reach each of its readers (the inputs of blocks and
MLPs) directly, and so do the biases, from the bias line.
"""

from __future__ import annotations

import numpy as np

from dsf_export.fold import Affine, Array, FoldedPolicy
from dsf_export.program_graph import ProgramGraph
from neuro_runtime.program.host import HostReadout


class ResidualStream:
    """The projections that have joined the stream so far, for whoever reads it next."""

    def __init__(self, graph: ProgramGraph, folded: FoldedPolicy) -> None:
        self._graph = graph
        self._folded = folded
        self._sources: list[tuple[str, Affine]] = []

    def add(self, source: str, affine: Affine) -> None:
        """``affine`` of ``source``'s spikes joins the stream."""
        self._sources.append((source, affine))

    def read(self, name: str, offset: Array | None = None) -> str:
        """Add spiking neurons that read the stream, and ``offset`` besides, from the bias line."""
        graph = self._graph
        graph.add_lif(name, self._folded.size)
        graph.inject(name)
        for source, affine in self._sources:
            graph.connect(source, name, affine.weight)
        if self._sources or offset is not None:
            graph.connect_bias(name, self._bias() + (0.0 if offset is None else offset))
        return name

    def accumulate(self) -> None:
        """Add the accumulator: the readout of each projection's spikes, meaned over time steps."""
        readout = self._folded.readout.weight
        accumulator = self._graph.add_accumulator(len(readout))
        for source, affine in self._sources:
            self._graph.connect(source, accumulator, readout @ affine.weight / self._folded.time_steps)

    def host_readout(self) -> HostReadout:
        """The rest of the action: the readout of the token's current and of the constants."""
        affine = self._folded.readout
        return HostReadout(
            inverse_scale=np.ones(len(affine.bias)),
            weight=affine.weight,
            bias=affine.weight @ self._bias() + affine.bias,
        )

    def _bias(self) -> Array:
        bias: Array = np.sum([affine.bias for _, affine in self._sources], axis=0)
        return bias
