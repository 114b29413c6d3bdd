"""A network of another framework on its way to a program: float network, float program, integers, each compared."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dsf_common.errors import GateFailed, UserError
from dsf_common.files import sha256_of
from dsf_common.versions import installed_version
from dsf_export.sources.conventions import SourceOptions
from dsf_export.sources.float_network import FloatNetwork, FloatRecording, run_network
from dsf_export.sources.lower_network import lower_network
from dsf_export.sources.quantise_network import (
    DEFAULT_TERMS,
    HEAVIEST,
    MOST_GROUPS,
    as_it_is,
    observe,
    quantise_network,
    room_of,
    run_all,
)
from dsf_export.sources.rounding_gate import require_only_rounding
from dsf_export.sources.split_layers import split_by_room
from dsf_export.sources.stage_rows import StageRow, row_of_lowered, row_of_networks, row_of_programs
from neuro_runtime.program import validate
from neuro_runtime.program.chip import Chip
from neuro_runtime.program.limits import ARRIVAL_LIMIT, STATE_LIMIT
from neuro_runtime.program.nodes import Lif
from neuro_runtime.program.sample import InputKind, SampleProgram
from neuro_runtime.program.sample_file import read_samples
from neuro_runtime.program.sample_run import SampleRun

Samples = list[NDArray[Any]]
MADE_SAMPLES, MADE_STEPS = 8, 100
MOST_CALIBRATION_STEPS = 16384  # of all samples together, since the float program runs them in plain numpy
SAME = 1e-3  # share of places that may follow from a spike that rounding decided


@dataclass(frozen=True)
class ImportedLayer:
    """A group of neurons in float and in integers.

    Attributes
    ----------
    spikes, different
        In float, and places in which the integers' differ.
    current, voltage, arriving
        Largest observed |u|, |v| in units of 2^23, and arrival in units of 2^15 weight units.
    scale
        Integers for 1.0 of v.
    """

    layer: str
    neurons: int
    spikes: int
    different: int
    scale: float
    current: float
    voltage: float
    arriving: float


@dataclass(frozen=True, eq=False)
class Imported:
    """All that an import comes to.

    Attributes
    ----------
    network
        The float network, as its writer runs it.
    program
        The integers.
    samples, calibration
        Those it was quantised on, and where they come from.
    chip
        Whose arithmetic the integers keep to.
    membrane_error
        Of outputs that are membranes, the largest difference between float and integers, as a share of the largest;
        None where outputs are spikes, or all 0.
    """

    network: FloatNetwork
    lowered: SampleProgram
    program: SampleProgram
    samples: Samples
    calibration: str
    chip: Chip
    rows: tuple[StageRow, ...]
    layers: tuple[ImportedLayer, ...]
    membrane_error: float | None


def import_network(
    network: FloatNetwork,
    options: SourceOptions,
    source: Path,
    chip: Chip,
    largest_weight: int = HEAVIEST,
) -> Imported:
    """Lower and quantise a float network, and compare each stage with the one before.

    No weight becomes larger than ``largest_weight``.

    Raises
    ------
    UserError
        The network has no exact form on a chip, or its calibration cannot be used.
    GateFailed
        The lowered program is not the network (:func:`dsf_export.sources.rounding_gate.require_only_rounding`).
    """
    terms = DEFAULT_TERMS if options.terms is None else options.terms
    groups = 1 if options.groups is None else options.groups
    if not 1 <= groups <= MOST_GROUPS:
        raise UserError(f"groups={groups} is outside 1 … {MOST_GROUPS}")
    kind, samples, origin = samples_for(network, options)
    recordings = [run_network(network, sample) for sample in samples]
    _refuse_multispikes(network, recordings)
    exact = [run_network(replace(network, dtype=torch.float64), sample) for sample in samples]
    made = lower_network(network, kind, _provenance(network, source, kind, origin))
    lowered, watched = made.program, made.watched
    validate(lowered)
    lowered = lowered.for_steps(len(samples[0]) + max(each.delay for each in (*lowered.outputs, *watched.outputs)))
    float_runs = run_all(lowered, samples)
    if groups > 1 and not network.is_integer:
        room = room_of(lowered, float_runs, chip)
        lowered, watched = split_by_room(lowered, room, groups), split_by_room(watched, room, groups)
        validate(lowered)
        float_runs = run_all(lowered, samples)
    require_only_rounding(network, exact, watched, float_runs)
    if network.is_integer:
        program = as_it_is(lowered, samples)
    else:
        program = quantise_network(lowered, samples, terms, chip, largest_weight)
    validate(program)
    runs = run_all(program, samples)
    rows = (
        row_of_networks(f"float network, {str(network.dtype).removeprefix('torch.')}", recordings, recordings),
        row_of_networks("the same in float64", recordings, exact),
        row_of_lowered("program in floating point", lowered, exact, float_runs),
        row_of_programs("program in Loihi's integers", lowered, float_runs, runs),
    )
    if rows[2].different > SAME * rows[2].compared:
        raise GateFailed(
            f"the lowered program differs from the network in {rows[2].different} of {rows[2].compared} places, though "
            "rounding alone decided the first; nothing was written"
        )
    return Imported(
        network,
        lowered,
        program.for_steps(1),
        samples,
        origin,
        chip,
        rows,
        _layers(program, float_runs, runs),
        _membrane_error(program, float_runs, runs),
    )


def samples_for(network: FloatNetwork, options: SourceOptions) -> tuple[InputKind, Samples, str]:
    """The samples that an import is compared on, of the calibration or made, and where they come from.

    Raises
    ------
    UserError
        The calibration cannot be used.
    """
    shape = network.shapes[network.input]
    calibration = Path(options.calibration).expanduser() if options.calibration else None
    if options.input not in (None, "spikes", "values"):
        raise UserError(f"input={options.input}: choose from spikes, values")
    if calibration is None:
        kind: InputKind = "values" if options.input == "values" else "spikes"
        return (
            kind,
            _made(shape, kind),
            (
                f"{MADE_SAMPLES} made samples of {MADE_STEPS} time steps, "
                + ("spikes of 2 to 30 % a step" if kind == "spikes" else "normal numbers of deviation 1")
                + "; give calibration=FILE.npz for typical ones"
            ),
        )
    file = read_samples(calibration, shape)
    most = max(MOST_CALIBRATION_STEPS // file.samples.shape[1], 1)
    samples = list(file.samples[:most])
    spiking = bool(((file.samples == 0) | (file.samples == 1)).all())
    kind = "spikes" if options.input == "spikes" or (options.input is None and spiking) else "values"
    if kind == "spikes" and not spiking:
        raise UserError(f"input=spikes, and {calibration} holds other numbers than 0 and 1")
    return kind, samples, f"{len(samples)} samples of {calibration}"


def _made(shape: tuple[int, ...], kind: InputKind) -> Samples:
    random = np.random.default_rng(0)
    if kind == "values":
        return [random.normal(size=(MADE_STEPS, *shape)) for _ in range(MADE_SAMPLES)]
    rates = random.uniform(0.02, 0.3, MADE_SAMPLES)
    return [(random.random((MADE_STEPS, *shape)) < rate).astype(np.float64) for rate in rates]


def _refuse_multispikes(network: FloatNetwork, recordings: Sequence[FloatRecording]) -> None:
    for name, layer in network.neurons.items():
        if layer.multispike and (most := max(int(each.spikes[name].max(initial=0)) for each in recordings)) > 1:
            raise UserError(
                f"{name} fires up to {most} spikes in a time step on the calibration, and a chip's neuron fires one: "
                "multispike=false runs it with one, which is another network"
            )


def _provenance(network: FloatNetwork, source: Path, kind: InputKind, origin: str) -> Mapping[str, str]:
    return {
        "source": source.name,
        "source_sha256": sha256_of(source),
        "conventions": json.dumps(dict(network.origin)),
        "notes": json.dumps(list(network.notes)),
        "input": kind,
        "calibration": origin,
        "version": installed_version("decision-spikeformer") or "unknown",
    }


def _membrane_error(program: SampleProgram, first: Sequence[SampleRun], second: Sequence[SampleRun]) -> float | None:
    largest = max(float(np.abs(run.output).max(initial=0)) for run in first)
    if largest == 0 or any(output.quantity != "membrane" for output in program.outputs):
        return None
    pairs = zip(first, second, strict=True)
    return max(float(np.abs(one.output - other.output).max(initial=0)) for one, other in pairs) / largest


def _layers(
    program: SampleProgram, floats: Sequence[SampleRun], runs: Sequence[SampleRun]
) -> tuple[ImportedLayer, ...]:
    peaks = observe(program, runs)
    return tuple(
        ImportedLayer(
            node.name,
            node.size,
            sum(run.spikes[node.name] for run in floats),
            sum(
                int(np.count_nonzero(one.recording.spikes[node.name] != other.recording.spikes[node.name]))
                for one, other in zip(floats, runs, strict=True)
            ),
            float(node.threshold),
            peaks[node.name].current / STATE_LIMIT,
            peaks[node.name].voltage / STATE_LIMIT,
            peaks[node.name].arriving / ARRIVAL_LIMIT,
        )
        for node in program.nodes
        if isinstance(node, Lif)
    )
