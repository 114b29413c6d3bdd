"""What reached each layer while the float program ran: the recorded activity that quantisation is chosen and judged by.

With the float program's spikes as its inputs, a layer is alone with its own rounding: what it fires in Loihi's
integers then differs from the float spikes by its own weights, bias and threshold only, not by those before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsf_export.arrays import Array
from dsf_export.recording import Recording
from dsf_export.stages import ProgramRun, Raster
from neuro_runtime.program import Program
from neuro_runtime.program.arrival import arrival_times
from neuro_runtime.program.host import HostEncoder
from neuro_runtime.program.limits import CURRENT_SHIFT
from neuro_runtime.program.nodes import Accumulator, Connection, Dense, Injection, Lif, Sparse
from neuro_runtime.program.weight_matrices import matrix_of_each_delay
from neuro_runtime.simulators.loihi_arithmetic import clip24, decayed, shift, wrap24

Integers = NDArray[np.int64]
Inputs = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LayerCalibration:
    """All that reached one node group in the recorded decisions.

    Attributes
    ----------
    steps
        Time steps a decision: a LIF's T active ones, an accumulator's whole period.
    inputs
        By source and delay: the spikes that arrive, (decisions·steps, source size).
    tokens
        The token's current in real units, (decisions, D).
    fired
        What the group did, (decisions, steps, size); nothing for an accumulator.
    """

    node: Lif | Accumulator
    steps: int
    inputs: dict[tuple[str, int], Inputs]
    tokens: Array
    fired: Raster


def layer_calibrations(program: Program, recording: Recording, run: ProgramRun) -> dict[str, LayerCalibration]:
    """The calibration of every LIF group and of the accumulator of a float program, from its run on ``recording``."""
    depth = arrival_times(program)
    tokens = np.array([program.encoder.encode(token) for episode in recording.episodes for token in episode])
    calibrations = {}
    for node in program.nodes:
        if not isinstance(node, (Lif, Accumulator)):
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
        Those of a loihi program that end at the calibration's node.
    encoder
        That program's.
    """
    size = calibration.node.size
    total = np.zeros((len(calibration.tokens), calibration.steps, size), dtype=np.int64)
    for connection in connections:
        if isinstance(connection, Injection):
            total += shift(encoder.quantise(calibration.tokens), connection.exponent)[:, None]
            continue
        sums = np.zeros((total.shape[0] * total.shape[1], size), dtype=np.float32)  # exact: integers below 2^24
        for delay, matrix in matrix_of_each_delay(connection, (size, _sources(calibration, connection)), np.float32):
            sums += calibration.inputs[connection.source, delay] @ matrix.T
        total += shift(sums.astype(np.int64), connection.exponent).reshape(total.shape)
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
    """What a loihi LIF group fires, (decisions, T, size), when each decision finds it at rest."""
    current = np.zeros_like(currents[:, 0])
    voltage = np.zeros_like(current)
    spikes = np.zeros(currents.shape, dtype=bool)
    for step in range(currents.shape[1]):
        arriving = currents[:, step] << CURRENT_SHIFT
        current = wrap24(decayed(current, int(node.current_decay) + 1) + arriving)
        voltage = clip24(decayed(voltage, int(node.voltage_decay)) + current)
        spikes[:, step] = voltage > int(node.threshold) << CURRENT_SHIFT
        voltage[spikes[:, step]] = 0
    return spikes


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
