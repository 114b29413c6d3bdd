"""How many spikes does an imported network's program get wrong? Float, integers and Lava on random spikes.

    python -m benchmarks.imported_network FILE [key=value …] [chip=portable|lava] [samples=200] [steps=256] [lava=0]

FILE and the options are those of dsf-export. Each input spikes at a rate of its own, 2 to 12 % a step; 64 samples
choose the scales, ``samples`` others are compared: spikes layer by layer, the class of each sample, and for the first
``lava`` of them every spike on Lava's simulator (status 1 if one differs).
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import GateFailed, UserError
from dsf_common.exit_status import run_command
from dsf_common.files import require_readable
from dsf_common.key_value_options import compose
from dsf_export.sources.content import content_of
from dsf_export.sources.import_of_call import import_file
from dsf_export.sources.quantise_network import run_all
from dsf_export.sources.read_source import read_network, source_options
from dsf_export.sources.stage_rows import class_of
from neuro_runtime.program.chip import Chip, find_chip
from neuro_runtime.program.nodes import Lif
from neuro_runtime.program.sample import SampleProgram
from neuro_runtime.program.sample_run import run_sample
from neuro_runtime.simulators.lava.session import LavaSession

CALIBRATION = 64


@dataclass
class Options:
    """The options that are not dsf-export's."""

    chip: str = Chip.portable.value
    samples: int = 200
    steps: int = 256
    lava: int = 0


def main(argv: list[str]) -> int:
    """Print the differences of one network's integers from its floats."""
    path, options, own = _asked(argv)
    network = read_network(path, content_of(path), source_options(options))
    random, steps = np.random.default_rng(7), own.steps
    shape = network.shapes[network.input]

    def sample() -> NDArray[np.float64]:
        return (random.random((steps, *shape)) < random.uniform(0.02, 0.12, shape)).astype(np.float64)

    with tempfile.TemporaryDirectory() as folder:
        calibration = Path(folder) / "calibration.npz"
        np.savez(calibration, input=np.array([sample() for _ in range(CALIBRATION)]))
        given = [*options, f"calibration={calibration}"]
        imported = import_file(path, content_of(path), given, find_chip(own.chip))
    samples = [sample() for _ in range(own.samples)]
    program = imported.program.for_steps(steps + imported.program.latency)
    floats, integers = run_all(imported.lowered, samples), run_all(program, samples)
    for layer, nodes in _layers(program).items():
        fired = sum(run.spikes[name] for run in floats for name in nodes)
        both = list(zip(floats, integers, strict=True))
        wrong = sum(int((a.recording.spikes[n] != b.recording.spikes[n]).sum()) for a, b in both for n in nodes)
        print(f"{layer}: {wrong:,} places differ, {fired:,} spikes in float ({wrong / max(fired, 1):.2%})")
    same = sum(class_of(a.output) == class_of(b.output) for a, b in zip(floats, integers, strict=True))
    print(f"class: the same in {same} of {len(samples)} samples")
    if own.lava:
        compared = different = 0
        with LavaSession(program) as lava:
            for given_sample, ours in zip(samples[: own.lava], integers[: own.lava], strict=True):
                theirs = run_sample(program, lava, given_sample)
                for name, spikes in ours.recording.spikes.items():
                    compared += spikes.size
                    different += int((spikes != theirs.recording.spikes[name]).sum())
        print(f"Lava: {different} of {compared:,} spikes differ")
        if different:
            raise GateFailed("Lava's simulator and the program differ")
    return 0


def _asked(argv: list[str]) -> tuple[Path, list[str], Options]:
    """The file, dsf-export's options and ours."""
    ours = {field.name for field in fields(Options)} | {"-h", "--help"}
    own = compose(Options, [word for word in argv if word.partition("=")[0] in ours])
    if not argv or "=" in argv[0]:
        raise UserError("give the network's file first, then key=value options")
    if min(own.samples, own.steps) < 1 or own.lava < 0:
        raise UserError("samples= and steps= are at least 1, and lava= is not negative")
    options = [word for word in argv[1:] if word.partition("=")[0] not in ours]
    if any(word.startswith("calibration=") for word in options):
        raise UserError("calibration= has no place here, as the samples that choose scales are drawn like the others")
    path = Path(argv[0]).expanduser()
    require_readable(path, f"there is no file {path}")
    return path, options, own


def _layers(program: SampleProgram) -> dict[str, list[str]]:
    """The nodes of each layer: those of its groups are called after it, with a number."""
    layers: dict[str, list[str]] = {}
    for node in program.nodes:
        if isinstance(node, Lif):
            stem, _, number = node.name.rpartition(".")
            layers.setdefault(stem if number.isdigit() and stem else node.name, []).append(node.name)
    return layers


if __name__ == "__main__":
    raise SystemExit(run_command(main, "imported_network", sys.argv[1:]))
