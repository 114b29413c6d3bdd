"""A network of another framework beside its import: the writer's spikes, floats, integers, Lava."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_export.sources.content import content_of
from dsf_export.sources.float_network import run_network
from dsf_export.sources.import_of_call import import_file
from dsf_export.sources.imported import Imported
from dsf_export.sources.quantise_network import run_all
from dsf_export.sources.read_source import read_network, source_options
from neuro_runtime.program.sample import SampleProgram
from neuro_runtime.program.sample_run import run_sample
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.lava.session import LavaSession
from support.writers.golden import Golden

Samples = Sequence[NDArray[Any]]


@dataclass(frozen=True)
class Count:
    """Numbers that were compared, those of them that are not 0, and those that differ."""

    compared: int
    active: int
    different: int

    def __add__(self, other: Count) -> Count:
        return Count(self.compared + other.compared, self.active + other.active, self.different + other.different)


NOTHING = Count(0, 0, 0)


def count(first: NDArray[Any], second: NDArray[Any]) -> Count:
    """Two arrays of one shape, place by place; numbers that are no spikes are the same up to float32's rounding."""
    differs = first != second if first.dtype.kind in "biu" else ~np.isclose(first, second, rtol=1e-5, atol=1e-6)
    return Count(first.size, int(np.count_nonzero(first)), int(np.count_nonzero(differs)))


def against_writer(golden: Golden, path: Path, options: Sequence[str]) -> Count:
    """The float network's output, by ``options``, beside that of the framework that wrote the file.

    Raises
    ------
    UserError
        The options leave open what the file does not say, or the arrays have other shapes than the network.
    """
    network = read_network(path, content_of(path), source_options(options))
    if golden.inputs.shape[2:] != network.shapes[network.input]:
        raise UserError(f"samples of {golden.inputs.shape[2:]} for an input of {network.shapes[network.input]}")
    outputs = np.array([run_network(network, sample).output for sample in golden.inputs])
    if outputs.shape != golden.outputs.shape:
        raise UserError(f"the framework's outputs have the shape {golden.outputs.shape}, the network's {outputs.shape}")
    return count(golden.outputs, outputs)


def imported(golden: Golden, path: Path) -> Imported | str:
    """The program, calibrated by the golden's own samples; or the sentence that refuses it."""
    try:
        return import_file(path, content_of(path), [*golden.options, f"calibration={path.with_suffix('.npz')}"])
    except UserError as refusal:
        return str(refusal)


def spikes_of_integers(network: Imported, samples: Samples) -> Count:
    """Every neuron's spikes in floating point beside those in integers."""
    steps = len(samples[0]) + network.program.latency
    floats = run_all(network.lowered.for_steps(steps), samples)
    integers = run_all(network.program.for_steps(steps), samples)
    names = list(floats[0].recording.spikes)
    rows = (
        count(one.recording.spikes[name], other.recording.spikes[name])
        for one, other in zip(floats, integers, strict=True)
        for name in names
    )
    return sum(rows, NOTHING)


def spikes_on_lava(program: SampleProgram, samples: Samples) -> Count:
    """Every neuron's spikes by the interpreter beside those by Lava's simulator."""
    timed = program.for_steps(len(samples[0]) + program.latency)
    ours, total = Interpreter(timed), NOTHING
    with LavaSession(timed, record_states=True) as lava:
        for sample in samples:
            one, other = run_sample(timed, ours, sample), run_sample(timed, lava, sample)
            for name, spikes in one.recording.spikes.items():
                total = total + count(spikes, other.recording.spikes[name])
    return total
