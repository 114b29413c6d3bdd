"""The effect of quantisation on each layer: its weights, its spikes beside the float program's, and its headroom.

Spikes are compared neuron by neuron and time step by time step, in two ways. **Alone**: the layer gets the float
program's spikes, so what differs is its own doing. **In the program**: it gets what the integer layers before it fired,
so their differences come on top. And each by two measures: ``agreement``, the share of all (neuron, time step) with the
same answer, which silence flatters; and ``overlap``, the share in which both fire of those in which either does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dsf_export.quantise.calibration import LayerCalibration, integer_currents, integer_spikes
from dsf_export.stages import ProgramRun, Raster
from neuro_runtime.program import Program
from neuro_runtime.program.headroom import Headroom, headroom
from neuro_runtime.program.limits import CURRENT_SHIFT
from neuro_runtime.program.nodes import And, BiasLine, Dense, Lif, Weighted
from neuro_runtime.program.weight_matrices import weight_matrices


@dataclass(frozen=True)
class SpikeAgreement:
    """How far two rasters are the same.

    Attributes
    ----------
    agreement
        Equal answers of all.
    overlap
        Common spikes of those that either fired; none where nothing fired.
    """

    agreement: float
    overlap: float | None


@dataclass(frozen=True)
class LayerReport:
    """One row a node group; what does not apply to it is none.

    Attributes
    ----------
    weight_error
        Root mean square of (rounded − real) over that of the real weights, biases apart.
    bits_used
        Binary logarithm of the number of mantissas from the smallest to the largest, of the weight matrix that uses
        the fewest.
    alone, in_program
        Spikes beside those of the float program, given its spikes as inputs and in the integer program.
    headroom
        Largest states there can be, and bits left of 24.
    """

    layer: str
    weight_error: float | None
    bits_used: float | None
    alone: SpikeAgreement | None
    in_program: SpikeAgreement | None
    headroom: Headroom


def report_program(program: Program) -> tuple[LayerReport, ...]:
    """A loihi program on its own, with no float one to compare it with."""
    return tuple(
        LayerReport(row.node, None, bits_used(program, row.node), None, None, row) for row in headroom(program)
    )


def report_layers(
    program: Program,
    lowered: Program,
    run: ProgramRun,
    lowered_run: ProgramRun,
    calibrations: Mapping[str, LayerCalibration],
) -> tuple[LayerReport, ...]:
    """A loihi program beside the float one it comes from.

    Parameters
    ----------
    run, lowered_run
        The runs of both programs on the same recording.
    calibrations
        The calibrations of the float program on that recording.
    """
    return tuple(_report(program, lowered, run, lowered_run, calibrations, row) for row in headroom(program))


def compare_spikes(one: Raster, other: Raster) -> SpikeAgreement:
    """Two rasters of the same shape."""
    either = int((one | other).sum())
    return SpikeAgreement(float((one == other).mean()), int((one & other).sum()) / either if either else None)


def bits_used(program: Program, layer: str) -> float | None:
    """See :class:`LayerReport`."""
    weights = _weights_into(program, layer)
    step = int(np.gcd.reduce([np.gcd.reduce(weight.weight, axis=None) for weight in _learned(program)] or [0]))
    if not weights or not step:
        return None
    spans: dict[tuple[str, int | None], int] = {}
    for weight in weights:
        # The connections that one matrix was laid out as share their source and, where it is one, their delay.
        matrix = weight.source, weight.delay if isinstance(weight, Dense) else None
        spans[matrix] = max(int(weight.weight.max()) - int(weight.weight.min()), spans.get(matrix, 0))
    return float(np.log2(min(spans.values()) / step + 1))


def _report(
    program: Program,
    lowered: Program,
    run: ProgramRun,
    lowered_run: ProgramRun,
    calibrations: Mapping[str, LayerCalibration],
    room: Headroom,
) -> LayerReport:
    layer = room.node
    node = program.node(layer)
    alone = in_program = None
    if isinstance(node, Lif):
        currents = integer_currents(calibrations[layer], program.connections_into(layer), program.encoder)
        alone = compare_spikes(integer_spikes(currents, node), calibrations[layer].fired)
    if node.spikes:
        in_program = compare_spikes(_of(run, layer), _of(lowered_run, layer))
    return LayerReport(
        layer, _weight_error(program, lowered, layer), bits_used(program, layer), alone, in_program, room
    )


def _of(run: ProgramRun, layer: str) -> Raster:
    return np.array([spikes[layer] for spikes in run.spikes])


def _weight_error(program: Program, lowered: Program, layer: str) -> float | None:
    real, rounded = (
        {place: matrix.total for place, matrix in weight_matrices(each, _weights_into(each, layer)).items()}
        for each in (lowered, program)
    )
    if not real:
        return None
    scale = _scale(program, lowered, layer)
    squared: float = sum(float(((rounded[at] / scale - weight) ** 2).sum()) for at, weight in real.items())
    total = sum(float((weight**2).sum()) for weight in real.values())
    return math.sqrt(squared / total) if total else None


def _scale(program: Program, lowered: Program, layer: str) -> float:
    """Integers for 1.0 of a layer's current."""
    node, real = program.node(layer), lowered.node(layer)
    if isinstance(node, Lif) and isinstance(real, Lif):
        return node.threshold / real.threshold
    return float(lowered.readout.inverse_scale[0] / program.readout.inverse_scale[0]) / 2.0**CURRENT_SHIFT


def _weights_into(program: Program, layer: str) -> list[Weighted]:
    return [connection for connection in _learned(program) if connection.target == layer]


def _learned(program: Program) -> list[Weighted]:
    """Connections of trained weights: neither biases nor those of AND gates."""
    return [
        connection
        for connection in program.weighted_connections
        if not isinstance(program.node(connection.source), BiasLine)
        and not isinstance(program.node(connection.target), And)
    ]
