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
from typing import Literal

import numpy as np

from dsf_export.quantise.calibration import LayerCalibration, integer_currents, integer_spikes
from dsf_export.quantise.reach import reach_of_neurons
from dsf_export.stages import ProgramRun, Raster
from neuro_runtime.program import Program
from neuro_runtime.program.headroom import Headroom, headroom, largest_injection
from neuro_runtime.program.limits import CURRENT_SHIFT
from neuro_runtime.program.nodes import And, BiasLine, Dense, Lif, Weighted
from neuro_runtime.program.portable import departures, injection_limit
from neuro_runtime.program.weight_matrices import weight_matrices

WORST_NEURONS = 5
_SAME = 1e-9  # of a reach, by the order of its sum


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
class NeuronError:
    """A neuron and the root mean square of its weights' (rounded − real) over that of the real ones."""

    neuron: int
    weight_error: float


@dataclass(frozen=True)
class Reach:
    """The largest current of one sign that a layer's neurons can be brought in a time step, in thresholds.

    Attributes
    ----------
    neuron, largest
        The neuron with the largest.
    median
        The median neuron's.
    limited
        The neurons whose reach was limited (`dsf_export.quantise.outliers`).
    """

    neuron: int
    largest: float
    median: float
    limited: tuple[int, ...]


Within = Literal["bound", "observed", "neither"]


@dataclass(frozen=True)
class Arrival:
    """How far what a layer is brought in a time step keeps to the portable subset, in weight units.

    Attributes
    ----------
    observed
        The largest that synapses brought it in the run.
    injected
        The largest that the host can bring it, as a bias, and the largest that a chip's bias holds; none where it
        brings nothing.
    within
        Whether both stay inside by their bound, as far as observed, or by neither.
    """

    observed: int
    injected: tuple[int, int] | None
    within: Within


@dataclass(frozen=True)
class LayerReport:
    """One row a node group; what does not apply to it is none.

    Attributes
    ----------
    weight_error
        Root mean square of (rounded − real) over that of the real weights, biases apart. Where a layer's reach was
        limited, the real weights are those after it.
    worst_neurons
        The neurons whose own weight errors are the largest, the worst first.
    vanished
        The share of the real weights other than 0, biases apart, that round to 0.
    reach
        How far the layer's widest neuron is from the others.
    bits_used
        Binary logarithm of the number of mantissas from the smallest to the largest, of the weight matrix that uses
        the fewest.
    alone, in_program
        Spikes beside those of the float program, given its spikes as inputs and in the integer program.
    headroom
        Largest states there can be, and bits left of 24.
    arrival
        What a run brought, and what the host can.
    """

    layer: str
    bits_used: float | None
    headroom: Headroom
    arrival: Arrival
    weight_error: float | None = None
    worst_neurons: tuple[NeuronError, ...] = ()
    vanished: float | None = None
    reach: Reach | None = None
    alone: SpikeAgreement | None = None
    in_program: SpikeAgreement | None = None


def report_program(program: Program, run: ProgramRun) -> tuple[LayerReport, ...]:
    """A loihi program and its run, with no float one to compare it with."""
    arrivals = _arrivals(program, run)
    return tuple(
        LayerReport(row.node, bits_used(program, row.node), row, arrivals[row.node]) for row in headroom(program)
    )


def report_layers(
    program: Program,
    lowered: Program,
    run: ProgramRun,
    lowered_run: ProgramRun,
    calibrations: Mapping[str, LayerCalibration],
    limited: Program | None = None,
) -> tuple[LayerReport, ...]:
    """A loihi program beside the float one it comes from.

    Parameters
    ----------
    limited
        The float program after its outliers were limited, whose weights are the rounded ones; by default nothing was.
    run, lowered_run
        The runs of both programs on the same recording.
    calibrations
        The calibrations of the float program on that recording.
    """
    arrivals = _arrivals(program, run)
    sources = _Sources(lowered, limited or lowered, lowered_run, calibrations)
    return tuple(_report(program, run, sources, row, arrivals[row.node]) for row in headroom(program))


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
    learned = [span for span in spans.values() if span]  # the others have one weight for all, by their construction
    return float(np.log2(min(learned) / step + 1)) if learned else None


@dataclass(frozen=True, eq=False)
class _Sources:
    """The run and calibrations that a loihi program is compared with; see :func:`report_layers`."""

    lowered: Program
    limited: Program
    run: ProgramRun
    calibrations: Mapping[str, LayerCalibration]


def _report(program: Program, run: ProgramRun, sources: _Sources, room: Headroom, arrival: Arrival) -> LayerReport:
    layer = room.node
    node = program.node(layer)
    alone = in_program = reach = None
    calibration = sources.calibrations.get(layer)
    if isinstance(node, Lif) and calibration:  # groups that only count have none
        currents = integer_currents(calibration, program.connections_into(layer), program.encoder)
        alone = compare_spikes(integer_spikes(currents, node), calibration.fired)
        reach = _reach(sources, layer)
    if node.spikes:
        in_program = compare_spikes(_of(run, layer), _of(sources.run, layer))
    rounding = _rounding(program, sources.limited, layer)
    return LayerReport(
        layer,
        bits_used(program, layer),
        room,
        arrival,
        weight_error=rounding.weight_error if rounding else None,
        worst_neurons=rounding.worst_neurons if rounding else (),
        vanished=rounding.vanished if rounding else None,
        reach=reach,
        alone=alone,
        in_program=in_program,
    )


def _arrivals(program: Program, run: ProgramRun) -> dict[str, Arrival]:
    peaks = {peak.node: peak for peak in run.arrival_peaks}
    evidence: dict[str, Within] = {}
    for departure in departures(program, observed=run.arrival_peaks):
        if departure.quantity in ("arrival", "injection"):
            seen = departure.evidence == "observed" or evidence.get(departure.node) == "neither"
            evidence[departure.node] = "neither" if seen else "observed"
    arrivals = {}
    for node in program.neurons:
        largest = math.ceil(largest_injection(program, node))
        injected = (largest, injection_limit(program, node)) if largest else None
        arrivals[node.name] = Arrival(peaks[node.name].synaptic, injected, evidence.get(node.name, "bound"))
    return arrivals


def _reach(sources: _Sources, layer: str) -> Reach:
    reach, kept = (reach_of_neurons(program, layer) for program in (sources.lowered, sources.limited))
    widest = int(reach.argmax())
    limited = tuple(np.flatnonzero(kept < reach * (1 - _SAME)).tolist())
    return Reach(widest, float(reach[widest]), float(np.median(reach)), limited)


def _of(run: ProgramRun, layer: str) -> Raster:
    return np.array([spikes[layer] for spikes in run.spikes])


@dataclass(frozen=True)
class _Rounding:
    """See :class:`LayerReport`."""

    weight_error: float
    worst_neurons: tuple[NeuronError, ...]
    vanished: float


def _rounding(program: Program, real_program: Program, layer: str) -> _Rounding | None:
    """The rounding of a layer's weights; none where it has none other than 0."""
    real, rounded = (
        {place: matrix.total for place, matrix in weight_matrices(each, _weights_into(each, layer)).items()}
        for each in (real_program, program)
    )
    size, scale = program.node(layer).size, _scale(program, real_program, layer)
    squared, total = np.zeros(size), np.zeros(size)
    present = vanished = 0
    for place, weight in real.items():
        made = rounded.get(place, np.zeros_like(weight)) / scale
        squared += ((made - weight) ** 2).sum(axis=1)
        total += (weight**2).sum(axis=1)
        present += int(np.count_nonzero(weight))
        vanished += int(np.count_nonzero(weight[made == 0]))
    if not total.any():
        return None
    errors = np.sqrt(np.divide(squared, total, out=np.zeros(size), where=total > 0))
    worst = np.argsort(-errors, kind="stable")[:WORST_NEURONS].tolist()
    return _Rounding(
        math.sqrt(squared.sum() / total.sum()),
        tuple(NeuronError(neuron, float(errors[neuron])) for neuron in worst),
        vanished / present,
    )


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
