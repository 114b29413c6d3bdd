"""From a float program of a network to Loihi's integers.

A group of neurons counts ``scale`` integers for 1.0 of its v. The scale is as large as its current and its arrivals
leave room for on calibration samples, with a margin, since each doubling halves every rounding; among a few scales from
there down, the one whose integers give the fewest spikes that differ from float is taken. v may saturate, which those
spikes tell. A weight is the sum of several 8-bit connections: the first holds what a power of two of it can, each
further one what is still missing. The weights into a neuron are rounded together
(`dsf_export.sources.compensated_rounding`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_export.sources.compensated_rounding import compensated, second_moments
from neuro_runtime.program.chip import Chip
from neuro_runtime.program.decay import current_loss, share_kept, voltage_loss
from neuro_runtime.program.limits import (
    ARRIVAL_LIMIT,
    CURRENT_DECAY_OFFSET,
    CURRENT_SHIFT,
    DECAY_ONE,
    INJECTION_LIMIT,
    LARGEST_DECAY,
    LARGEST_EXPONENT,
    LARGEST_THRESHOLD,
    LARGEST_WEIGHT,
    SMALLEST_PORTABLE_EXPONENT,
    SMALLEST_WEIGHT,
    STATE_LIMIT,
)
from neuro_runtime.program.nodes import Connection, Convolution, Dense, Injection, Lif, Node, Sparse, Weighted
from neuro_runtime.program.sample import HostMap, SampleProgram
from neuro_runtime.program.sample_run import SampleRun, run_sample
from neuro_runtime.simulators.interpreter import Interpreter

Array = NDArray[np.float64]
Samples = Sequence[NDArray[Any]]
DEFAULT_TERMS, MOST_TERMS = 2, 4
MOST_GROUPS = 4
MARGIN = 1.25  # by which states may exceed those of calibration
# Shares of the largest scale that are tried; besides the power of two below it, by which weights on a grid stay exact.
CANDIDATES = (1.0, 0.92, 0.84, 0.77, 0.71, 0.6, 0.5)
SMALLEST_SCALE = 8
LARGEST_STATE = (STATE_LIMIT - 1) / 2**CURRENT_SHIFT
STEP = 2  # between 8-bit mantissas of mixed sign
HEAVIEST = LARGEST_WEIGHT << LARGEST_EXPONENT


@dataclass(frozen=True)
class Peaks:
    """The largest that calibration saw at a node, in units of its v.

    Attributes
    ----------
    current, voltage
        |u|, and |v| before a spike resets it.
    arriving
        What arrived in one time step.
    """

    current: float
    voltage: float
    arriving: float


def observe(program: SampleProgram, runs: Sequence[SampleRun]) -> dict[str, Peaks]:
    """The peaks of every group of neurons in runs of a program; of integers, arrivals in weight units."""
    peaks = {}
    for node in program.neurons:
        most = most_before = arriving = 0.0
        lif, unit = node.as_lif(program.arithmetic), 1.0
        keep_current, keep = 1 - lif.current_decay, 1 - lif.voltage_decay
        if program.arithmetic == "loihi":
            keep_current, keep = share_kept(current_loss(lif)), share_kept(voltage_loss(lif))
            unit = 2.0**-CURRENT_SHIFT
        for run in runs:
            current, voltage = run.recording.currents[node.name], run.recording.voltages[node.name]
            came = _arrivals(current, keep_current)
            before = keep * np.concatenate([np.zeros((1, node.size)), voltage[:-1]]) + current
            most = max(most, float(np.abs(current).max(initial=0)))
            most_before = max(most_before, float(np.abs(before).max(initial=0)))
            arriving = max(arriving, unit * float(np.abs(came).max(initial=0)))
        peaks[node.name] = Peaks(most, most_before, arriving)
    return peaks


def room_of(program: SampleProgram, runs: Sequence[SampleRun], chip: Chip) -> dict[str, Array]:
    """The largest scale that each spiking neuron has room for by what ``runs`` brought it, (neurons,) a node."""
    room = {}
    for lif in _lifs(program):
        if not np.isfinite(lif.threshold):
            continue
        current, arriving = np.full((2, lif.size), 1e-12)
        for run in runs:
            u = run.recording.currents[lif.name]
            current = np.maximum(current, np.abs(u).max(axis=0, initial=0))
            arriving = np.maximum(arriving, np.abs(_arrivals(u, 1 - lif.current_decay)).max(axis=0, initial=0))
        room[lif.name] = LARGEST_STATE / current
        if chip.is_portable:
            room[lif.name] = np.minimum(room[lif.name], ARRIVAL_LIMIT / arriving)
    return room


def _arrivals(current: Array, keep: float) -> Array:
    """The arrivals of each time step, from u (steps, neurons)."""
    return np.asarray(current - keep * np.concatenate([np.zeros((1, current.shape[1])), current[:-1]]))


def quantise_network(
    program: SampleProgram,
    samples: Samples,
    terms: int,
    chip: Chip,
    largest_weight: int = HEAVIEST,
) -> SampleProgram:
    """The Loihi program of a float one, its scales chosen on ``samples``; no weight becomes larger.

    Raises
    ------
    UserError
        A weight, threshold or state leaves no scale.
    """
    if not 1 <= terms <= MOST_TERMS:
        raise UserError(f"terms={terms} is outside 1 … {MOST_TERMS}")
    runs = run_all(program, samples)
    peaks = observe(program, runs)
    moments = second_moments(program, runs)
    largest = {lif.name: _largest_scale(program, lif, peaks[lif.name], chip, largest_weight) for lif in _lifs(program)}
    best: tuple[int, SampleProgram] | None = None
    for scales in _candidates(largest):
        integer = with_scales(_rounded_together(program, scales, moments), scales, samples, terms)
        wrong = different_spikes(program, runs, run_all(integer, samples))
        if best is None or wrong < best[0]:
            best = wrong, integer
    assert best is not None
    return best[1]


def as_it_is(program: SampleProgram, samples: Samples) -> SampleProgram:
    """The Loihi program of a float one whose numbers are integers already.

    Raises
    ------
    UserError
        A weight or threshold is beyond a chip's formats.
    """
    for connection in program.weighted_connections:
        weight = np.asarray(connection.weight, dtype=np.float64)
        terms = sum_of_terms(weight, MOST_TERMS)
        if not np.array_equal(sum(np.ldexp(mantissa, exponent) for mantissa, exponent in terms), weight):
            raise UserError(f"{connection.source} -> {connection.target} holds weights that are no integers of a chip")
    return with_scales(program, dict.fromkeys((lif.name for lif in _lifs(program)), 1), samples, MOST_TERMS)


def _rounded_together(program: SampleProgram, scales: Mapping[str, int], moments: Mapping[str, Array]) -> SampleProgram:
    connections = list(program.connections)
    for node, moment in moments.items():
        for place, connection in compensated(program, scales[node], node, moment).items():
            connections[place] = connection
    return replace(program, connections=tuple(connections))


def run_all(program: SampleProgram, samples: Samples) -> list[SampleRun]:
    """Every sample through the program, by the fastest simulator of its arithmetic that is here."""
    simulator = simulator_of(program)
    return [run_sample(program, simulator, sample) for sample in samples]


def simulator_of(program: SampleProgram) -> Any:
    """loihi-fast for integers where numba is installed, else the interpreter."""
    if program.arithmetic == "loihi":
        try:
            from neuro_runtime.simulators.loihi_fast import LoihiFast
        except ModuleNotFoundError:
            return Interpreter(program)
        return LoihiFast(program)
    return Interpreter(program)


def different_spikes(program: SampleProgram, ours: Sequence[SampleRun], theirs: Sequence[SampleRun]) -> int:
    """Places in which neurons of two programs spike differently."""
    names = [lif.name for lif in _lifs(program)]
    return sum(
        int(np.count_nonzero(one.recording.spikes[name] != other.recording.spikes[name]))
        for one, other in zip(ours, theirs, strict=True)
        for name in names
    )


def _candidates(largest: Mapping[str, float]) -> list[dict[str, int]]:
    scales = [{name: int(scale * share) for name, scale in largest.items()} for share in CANDIDATES]
    scales.append({name: 1 << int(math.log2(scale)) for name, scale in largest.items()})
    return scales


def _largest_scale(program: SampleProgram, lif: Lif, peak: Peaks, chip: Chip, heaviest: int) -> float:
    """The largest scale at which nothing of a group leaves its format on calibration, with the margin."""
    weights = [np.abs(np.asarray(item.weight, dtype=np.float64)).max(initial=0) for item in _into(program, lif.name)]
    limits = [
        LARGEST_STATE / max(MARGIN * peak.current, 1e-12),
        heaviest / max(*weights, 1e-12, 1e-12),
        float(LARGEST_THRESHOLD),
    ]
    if chip.is_portable:
        limits.append((ARRIVAL_LIMIT - 1) / max(MARGIN * peak.arriving, 1e-12))
    if np.isfinite(lif.threshold):
        limits.append((ARRIVAL_LIMIT - 1) / lif.threshold)
    else:  # a membrane that is read must not saturate
        limits.append(LARGEST_STATE / max(MARGIN * peak.voltage, 1e-12))
    scale = float(min(limits))
    in_thresholds = scale * (lif.threshold if np.isfinite(lif.threshold) else max(peak.voltage, 1e-12))
    if in_thresholds < SMALLEST_SCALE:
        raise UserError(
            f"{lif.name} adds up as much as {peak.current / lif.threshold:.3g} thresholds, more than a chip's integers "
            f"hold beside a threshold of {SMALLEST_SCALE}: calibrate with typical samples (calibration=FILE.npz), or "
            "scale the network's weights"
        )
    return scale


def with_scales(program: SampleProgram, scales: Mapping[str, int], samples: Samples, terms: int) -> SampleProgram:
    """The program in integers, for chosen scales."""
    connections: list[Connection | Convolution] = []
    for connection in program.connections:
        connections += _connection(connection, scales, terms)
    targets = {injection.source: injection.target for injection in program.injections}
    maps = tuple(
        replace(
            host_map,
            scale=float(scales[targets[host_map.node]]),
            largest=_largest_input(host_map, scales[targets[host_map.node]], samples),
        )
        for host_map in program.encoder.maps
    )
    outputs = tuple(
        replace(output, inverse_scale=1 / (scales[output.node] << CURRENT_SHIFT))
        if output.quantity == "membrane"
        else output
        for output in program.outputs
    )
    return replace(
        program,
        arithmetic="loihi",
        nodes=tuple(_node(node, scales) for node in program.nodes),
        connections=tuple(connections),
        encoder=replace(program.encoder, maps=maps),
        outputs=outputs,
    )


def _largest_input(host_map: HostMap, scale: int, samples: Samples) -> Array:
    largest = np.zeros(len(host_map.bias))
    for sample in samples:
        flat = sample.reshape(len(sample), -1).astype(np.float64)
        largest = np.maximum(largest, np.abs(host_map.current(flat)).max(axis=0, initial=0))
    return np.minimum(np.ceil(largest * scale * MARGIN), float(INJECTION_LIMIT))


def _node(node: Node, scales: Mapping[str, int]) -> Node:
    if not isinstance(node, Lif):
        return node
    current = max(round(node.current_decay * DECAY_ONE) - CURRENT_DECAY_OFFSET, 0)
    voltage = min(round(node.voltage_decay * DECAY_ONE), LARGEST_DECAY)
    threshold = LARGEST_THRESHOLD
    if np.isfinite(node.threshold):
        threshold = round(node.threshold * scales[node.name])
    integer = replace(node, current_decay=current, voltage_decay=voltage, threshold=threshold)
    # Where every state is a multiple of 64, a mantissa one lower says ≥ on any chip.
    if node.fires_at_threshold and current_loss(integer) == DECAY_ONE and voltage == 0:
        return replace(integer, threshold=threshold - 1, fires_at_threshold=False)
    return integer


def _connection(
    connection: Connection | Convolution, scales: Mapping[str, int], terms: int
) -> list[Connection | Convolution]:
    match connection:
        case Injection():
            return [connection]
        case Dense() | Sparse() | Convolution():
            scaled = np.asarray(connection.weight, dtype=np.float64) * scales[connection.target]
            return [_term(connection, mantissa, exponent) for mantissa, exponent in sum_of_terms(scaled, terms)]
        case _:
            assert_never(connection)


def _term(connection: Weighted | Convolution, mantissa: NDArray[np.int32], exponent: int) -> Weighted | Convolution:
    if isinstance(connection, Dense | Convolution):
        return replace(connection, weight=mantissa, exponent=exponent)
    used = np.flatnonzero(mantissa)
    return replace(
        connection,
        weight=mantissa[used],
        source_index=connection.source_index[used],
        target_index=connection.target_index[used],
        delay=connection.delay[used],
        exponent=exponent,
    )


def sum_of_terms(scaled: Array, terms: int) -> list[tuple[NDArray[np.int32], int]]:
    """Mantissas and exponents of 8-bit connections whose sum is nearest to ``scaled``; at least one, at most ``terms``.

    Each takes the smallest exponent from −1 up that holds what the ones before it left.
    """
    missing, made = scaled, list[tuple[NDArray[np.int32], int]]()
    for _ in range(terms):
        exponent = SMALLEST_PORTABLE_EXPONENT
        while exponent < LARGEST_EXPONENT and not _fits(missing, exponent):
            exponent += 1
        mantissa = np.clip(STEP * np.rint(np.ldexp(missing, -exponent) / STEP), SMALLEST_WEIGHT, LARGEST_WEIGHT)
        if made and not mantissa.any():
            break
        made.append((mantissa.astype(np.int32), exponent))
        missing = missing - np.ldexp(mantissa, exponent)
    return made


def _fits(values: Array, exponent: int) -> bool:
    mantissa = STEP * np.rint(np.ldexp(values, -exponent) / STEP)
    return bool(mantissa.min(initial=0) >= SMALLEST_WEIGHT and mantissa.max(initial=0) <= LARGEST_WEIGHT)


def _lifs(program: SampleProgram) -> list[Lif]:
    return [node for node in program.nodes if isinstance(node, Lif)]


def _into(program: SampleProgram, name: str) -> list[Weighted]:
    return [connection for connection in program.weighted_connections if connection.target == name]
