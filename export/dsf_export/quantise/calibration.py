"""The calibration inputs: all that reached each layer while the float program ran.

Scales are chosen, and layers judged, by this recorded activity.

With the float program's spikes as its inputs, a layer is alone with its own rounding: what it fires in Loihi's
integers then differs from the float spikes by its own weights, bias and threshold only, not by those before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dsf_export.arrays import Array
from dsf_export.quantise.exact_groups import exact_scale
from dsf_export.recording import Recording
from dsf_export.stages import ProgramRun, Raster
from neuro_runtime.program import Program
from neuro_runtime.program.arrival import working_times
from neuro_runtime.program.decay import current_loss, share_kept, voltage_loss
from neuro_runtime.program.host import HostEncoder
from neuro_runtime.program.limits import CURRENT_SHIFT, STATE_LIMIT
from neuro_runtime.program.nodes import Accumulator, Connection, Dense, Injection, Lif, Sparse
from neuro_runtime.program.weight_matrices import matrix_of_each_delay
from neuro_runtime.simulators.loihi_arithmetic import shift

Integers = NDArray[np.float64]  # whole numbers
Inputs = NDArray[np.float32]

WHOLE_IN_FLOAT32 = 2**24  # all integers up to here


@dataclass(frozen=True, eq=False)
class LayerCalibration:
    """All that reached one node group in the recorded decisions.

    Attributes
    ----------
    steps
        Time steps a decision: a LIF's T active ones, an accumulator's whole period.
    inputs
        The spikes that arrive, (decisions·steps, source size), by source and delay.
    tokens
        The token's current in real units, (decisions, D).
    fired
        The group's spikes, (decisions, steps, size); an accumulator has none.
    """

    node: Lif | Accumulator
    steps: int
    inputs: dict[tuple[str, int], Inputs]
    tokens: Array
    fired: Raster

    @cached_property
    def stacked(self) -> Inputs:
        """All inputs side by side, (decisions·steps, sum of the source sizes)."""
        none = np.zeros((len(self.tokens) * self.steps, 0), dtype=np.float32)  # a layer may have the token alone
        return np.concatenate([none, *self.inputs.values()], axis=1)

    @cached_property
    def columns(self) -> dict[tuple[str, int], slice]:
        """The columns of ``stacked`` that an input has, by source and delay."""
        ends = np.cumsum([inputs.shape[1] for inputs in self.inputs.values()]).tolist()
        return {place: slice(begin, end) for place, begin, end in zip(self.inputs, [0, *ends], ends, strict=False)}


def layer_calibrations(program: Program, recording: Recording, run: ProgramRun) -> dict[str, LayerCalibration]:
    """The calibration of the accumulator of a float program, and of every LIF group but those that only count.

    They are from its run on ``recording``.
    """
    depth = working_times(program)
    tokens = np.array([program.encoder.encode(token) for episode in recording.episodes for token in episode])
    calibrations = {}
    for node in program.nodes:
        if not node.scaled or exact_scale(program, node) is not None:
            continue
        if isinstance(node, Lif):
            begin, steps = depth[node.name], program.active_steps
            fired = np.array([spikes[node.name] for spikes in run.spikes])
        else:
            begin, steps = 0, program.period
            fired = np.zeros((recording.decisions, steps, node.size), dtype=bool)
        inputs = {
            (connection.source, delay): _arriving(
                program.period, recording, run, connection.source, begin - delay + np.arange(steps)
            )
            for connection in program.connections_into(node.name)
            if not isinstance(connection, Injection)
            for delay in np.unique(connection.delay).tolist()
        }
        calibrations[node.name] = LayerCalibration(node, steps, inputs, tokens, fired)
    return calibrations


def integer_currents(
    calibration: LayerCalibration, connections: Sequence[Connection], encoder: HostEncoder
) -> Integers:
    """The current that Loihi's integers make of a layer's calibration inputs, (decisions, steps, size).

    Parameters
    ----------
    connections
        The connections of a loihi program that end at the calibration's node.
    encoder
        The program's encoder.

    Notes
    -----
    A product ``weight·2^exponent`` that is whole is never floored, so such connections are added up and weighed at
    once. Sums of integers are exact in float32 up to 2^24 and in float64 up to 2^53, which no layer comes near.
    """
    shape = len(calibration.tokens), calibration.steps, calibration.node.size
    whole = np.zeros((calibration.stacked.shape[1], calibration.node.size), dtype=np.float32)
    total = np.zeros(shape)
    for connection in connections:
        if isinstance(connection, Injection):
            total += shift(encoder.quantise(calibration.tokens), connection.exponent)[:, None]
            continue
        power = np.float32(2.0**connection.exponent)
        weights = {
            (connection.source, delay): matrix.T
            for delay, matrix in matrix_of_each_delay(
                connection, (shape[2], _sources(calibration, connection)), np.float32
            )
        }
        if all((np.rint(weight * power) == weight * power).all() for weight in weights.values()):
            for place, weight in weights.items():
                whole[calibration.columns[place]] += weight * power
        else:
            sums = sum(_exact_product(calibration.inputs[place], weight) for place, weight in weights.items())
            total += np.floor(sums * power).reshape(shape)
    total += _exact_product(calibration.stacked, whole).reshape(shape)
    return total


def real_currents(calibration: LayerCalibration, connections: Sequence[Connection]) -> Array:
    """The current of a float program's connections, (decisions, steps, size)."""
    size = calibration.node.size
    total = np.zeros((len(calibration.tokens) * calibration.steps, size))
    for connection in connections:
        if isinstance(connection, Injection):
            total += np.repeat(calibration.tokens, calibration.steps, axis=0)
            continue
        for delay, matrix in matrix_of_each_delay(connection, (size, _sources(calibration, connection)), np.float32):
            total += calibration.inputs[connection.source, delay] @ matrix.T
    return total.reshape(len(calibration.tokens), calibration.steps, size)


def integer_spikes(currents: Integers, node: Lif) -> Raster:
    """The spikes of a loihi LIF group, (decisions, T, size), when each decision finds it at rest.

    The arithmetic is that of `neuro_runtime.simulators.loihi_arithmetic`, in float64, which holds 24 bits times 12.
    """
    keep_current, keep_voltage = share_kept(current_loss(node)), share_kept(voltage_loss(node))
    threshold = int(node.threshold) << CURRENT_SHIFT
    arriving = currents * 2**CURRENT_SHIFT
    current, voltage = np.zeros_like(arriving[:, 0]), np.zeros_like(arriving[:, 0])
    spikes = np.zeros(currents.shape, dtype=bool)
    for step in range(currents.shape[1]):
        current *= keep_current
        np.trunc(current, out=current)
        current += arriving[:, step]
        if max(current.max(initial=0), -current.min(initial=0)) >= STATE_LIMIT:
            current = _wrapped(current)
        voltage *= keep_voltage
        np.trunc(voltage, out=voltage)
        voltage += current
        np.clip(voltage, 1 - STATE_LIMIT, STATE_LIMIT - 1, out=voltage)
        np.greater(voltage, threshold, out=spikes[:, step])
        np.copyto(voltage, 0, where=spikes[:, step])
    return spikes


def _wrapped(current: Integers) -> Integers:
    """See `neuro_runtime.simulators.loihi_arithmetic.wrap24`."""
    laps = (current > STATE_LIMIT).astype(np.float64) - (current <= -STATE_LIMIT)
    wrapped: Integers = current - 2 * STATE_LIMIT * laps
    return wrapped


def _exact_product(spikes: Inputs, weight: Inputs) -> Integers:
    """``spikes @ weight`` of whole weights, in float32 where that holds the largest possible sum."""
    largest = np.abs(weight).sum(axis=0, dtype=np.float64).max(initial=0)
    sums = spikes @ weight if largest < WHOLE_IN_FLOAT32 else spikes @ weight.astype(np.float64)
    return sums.astype(np.float64)


def _sources(calibration: LayerCalibration, connection: Dense | Sparse) -> int:
    return next(
        int(inputs.shape[1]) for (source, _), inputs in calibration.inputs.items() if source == connection.source
    )


def _arriving(period: int, recording: Recording, run: ProgramRun, source: str, steps: NDArray[np.int64]) -> Inputs:
    """Spikes of ``source`` that arrive in the time steps ``steps`` of each decision; none from before an episode."""
    arriving = []
    begun = 0
    for episode in recording.episodes:
        spikes = np.concatenate([nodes[source] for nodes in run.rasters[begun : begun + len(episode)]])
        begun += len(episode)
        emitted = (period * np.arange(len(episode))[:, None] + steps - 1).reshape(-1)
        arriving.append(np.where(emitted[:, None] >= 0, spikes[np.maximum(emitted, 0)], False))
    return np.concatenate(arriving).astype(np.float32)
