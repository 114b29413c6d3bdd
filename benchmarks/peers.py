"""One NIR network, the same samples, on our simulators, emulators of Loihi, and frameworks that read the file.

    python -m benchmarks.peers [peers=interpreter,loihi-fast,…] [inputs=64] [hidden=128] [outputs=10] [steps=200]

The network is drawn, two layers of LIF neurons that reset to 0, for a step of 0.1 ms. Columns: milliseconds a time step
(the median sample, after one that warms up), the output's places that differ from our float network, and every
neuron's that differ from our integers. brian2-loihi runs layer by layer, each given the spikes that reach it, in an
environment of its own; SANA-FE, in one too, runs the first sample as our mapper places the network. snnTorch,
SpikingJelly and norse read the file themselves; what is not installed is said: `pip install --no-deps norse
spikingjelly` adds two of them. Status 1 if an emulator differs from the integers, or loihi-fast is less than 100 times
as fast as Lava where both run.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import nir
import numpy as np
import torch
from numpy.typing import NDArray

from dsf_common.errors import GateFailed, UserError
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from dsf_export.sources.float_network import run_network
from dsf_export.sources.import_of_call import import_file
from hw_profiles.loader import load_profile
from hw_profiles.mapping import Objective, map_network
from neuro_runtime.chip_network import chip_network
from neuro_runtime.program.nodes import BiasLine, Lif, SpikeInput
from neuro_runtime.program.sample import SampleProgram
from neuro_runtime.program.sample_run import SampleRun, run_sample
from neuro_runtime.simulators.interpreter import Interpreter
from neuro_runtime.simulators.lava.session import LavaSession
from neuro_runtime.simulators.loihi_fast import LoihiFast
from neuro_runtime.simulators.nengo_loihi.session import NengoLoihiSession
from support import sanafe
from support.brian2_loihi import ENVIRONMENT, brian2_loihi_python, run_layers
from support.placed_network import placed_network

Array = NDArray[Any]
DT = 1e-4
LEAST_TIMES_LAVA = 100
FRAMEWORKS = {
    "snntorch": ("snntorch.import_nir", "import_from_nir", {}),
    "spikingjelly": ("spikingjelly.activation_based.nir_exchange", "import_from_nir", {"dt": DT}),
    "norse": ("norse.torch", "from_nir", {"dt": DT}),
}


@dataclass
class Options:
    """The peers, the network's size, and the samples."""

    peers: str = "interpreter,loihi-fast,loihi-sim,nengo-loihi,brian2-loihi,sanafe,snntorch,spikingjelly,norse"
    inputs: int = 64
    hidden: int = 128
    outputs: int = 10
    steps: int = 200
    samples: int = 3
    brian2_loihi: str = str(ENVIRONMENT)
    sanafe: str = str(sanafe.ENVIRONMENT)


@dataclass(frozen=True)
class Row:
    """A peer's time, in ms a time step, and what differs; None where there is nothing to compare."""

    peer: str
    milliseconds: float
    from_float: int | None
    from_integers: int | None


@dataclass(frozen=True, eq=False)
class Contest:
    """The network and what we make of the samples."""

    graph: nir.NIRGraph
    program: SampleProgram
    samples: Sequence[Array]
    floats: Sequence[Array]
    integers: Sequence[SampleRun]


def main(argv: list[str]) -> int:
    """Print a row for each peer."""
    options = compose(Options, argv)
    contest = _contest(options)
    rows, missing = [], []
    for peer in options.peers.split(","):
        try:
            rows.append(_row(peer, contest, options))
        except (ModuleNotFoundError, UserError) as problem:
            missing.append(f"{peer}: {problem}")
    fired = sum(int(output.sum()) for output in contest.floats)
    print(f"{sum(output.size for output in contest.floats):,} places of the output, {fired:,} spikes in float")
    cells = [(row.peer, f"{row.milliseconds:.4f}", *map(_count, (row.from_float, row.from_integers))) for row in rows]
    print(text_table([("peer", "ms/time step", "output differs from float", "spikes differ from integers"), *cells]))
    print("\n".join(missing))
    times = {row.peer: row.milliseconds for row in rows}
    if different := [row.peer for row in rows if row.from_integers]:
        raise GateFailed(f"other spikes than our integers': {', '.join(different)}")
    if {"loihi-fast", "loihi-sim"} <= times.keys():
        ratio = times["loihi-sim"] / times["loihi-fast"]
        print(f"loihi-fast is {ratio:,.0f} times as fast as Lava's simulator")
        if ratio < LEAST_TIMES_LAVA:
            raise GateFailed(f"less than {LEAST_TIMES_LAVA} times")
    return 0


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _contest(options: Options) -> Contest:
    random = np.random.default_rng(0)
    graph = _graph(random, options.inputs, options.hidden, options.outputs)
    shape = (options.steps, options.inputs)
    samples = [(random.random(shape) < 0.1).astype(np.float64) for _ in range(options.samples + 1)]
    with tempfile.TemporaryDirectory() as folder:
        path, calibration = Path(folder) / "network.nir", Path(folder) / "calibration.npz"
        nir.write(path, graph)
        np.savez(calibration, input=np.array(samples))
        imported = import_file(path, "nir", [f"dt={DT}", "reset=zero", "compare=gt", f"calibration={calibration}"])
    program = imported.program.for_steps(options.steps + imported.program.latency)
    return Contest(
        graph,
        program,
        samples,
        [run_network(imported.network, sample).output for sample in samples],
        [run_sample(program, Interpreter(program), sample) for sample in samples],
    )


def _graph(random: np.random.Generator, inputs: int, hidden: int, outputs: int) -> nir.NIRGraph:
    """Names are in the order of the chain, which some readers go by."""
    nodes = {"input": nir.Input({"input": np.array([inputs])})}
    for n, (sources, size) in enumerate(((inputs, hidden), (hidden, outputs))):
        weight = random.normal(0.03, 0.15, (size, sources)).astype(np.float32)
        nodes[f"{2 * n}"] = nir.Affine(weight, np.zeros(size, dtype=np.float32))
        tau = np.full(size, 10 * DT, dtype=np.float32)
        one = np.ones_like(tau)
        nodes[f"{2 * n + 1}"] = nir.LIF(tau=tau, r=tau / np.float32(DT), v_leak=0 * one, v_threshold=one)
    nodes["output"] = nir.Output({"output": np.array([outputs])})
    names = list(nodes)
    return nir.NIRGraph(nodes, list(pairwise(names)))


def _row(peer: str, contest: Contest, options: Options) -> Row:
    match peer:
        case "interpreter":
            return _simulated(peer, contest, Interpreter(contest.program))
        case "loihi-fast":
            return _simulated(peer, contest, LoihiFast(contest.program))
        case "loihi-sim":
            with LavaSession(contest.program) as lava:
                return _simulated(peer, contest, lava)
        case "nengo-loihi":
            with NengoLoihiSession(contest.program) as nengo:
                return _simulated(peer, contest, nengo)
        case "brian2-loihi":
            return _by_layers(peer, contest, Path(options.brian2_loihi))
        case "sanafe":
            return _placed(peer, contest, Path(options.sanafe))
        case _ if peer in FRAMEWORKS:
            return _by_framework(peer, contest)
        case _:
            raise UserError("there is no such peer")


def _simulated(peer: str, contest: Contest, simulator: Any) -> Row:
    seconds, runs = _timed(lambda sample: run_sample(contest.program, simulator, sample), contest.samples)
    outputs = [run.output for run in runs]
    names = contest.integers[0].recording.spikes
    wrong = sum(
        int(np.count_nonzero(one.recording.spikes[name] != other.recording.spikes[name]))
        for one, other in zip(contest.integers, runs, strict=True)
        for name in names
    )
    return Row(peer, 1000 * seconds / contest.program.period, _different(contest.floats, outputs), wrong)


def _by_layers(peer: str, contest: Contest, environment: Path) -> Row:
    python = brian2_loihi_python(environment)
    layers = [node for node in contest.program.neurons if isinstance(node, Lif)]
    spikes = contest.integers[0].recording.spikes
    answer = run_layers(python, contest.program, layers, spikes)
    wrong = sum(int(np.count_nonzero(answer[f"{node.name}/spikes"] != spikes[node.name])) for node in layers)
    seconds = sum(float(answer[f"{node.name}/seconds"]) for node in layers)
    return Row(peer, 1000 * seconds / contest.program.period, None, wrong)


def _placed(peer: str, contest: Contest, environment: Path) -> Row:
    """The first sample on SANA-FE's chip."""
    python = sanafe.sanafe_python(environment)
    program, sample = contest.program, contest.samples[0]
    mapping = map_network(chip_network(program), load_profile("loihi1-sanafe"), objective=Objective.cores)
    placed = placed_network(program, mapping)
    injected = np.zeros((program.period, placed.neurons))
    for node in program.nodes:
        if isinstance(node, SpikeInput):
            injected[:, placed.part(node.name)] = program.encoder.rows(sample, program.period, integers=True)
        elif isinstance(node, BiasLine):
            injected[:, placed.part(node.name)] = 1.0
    answer = sanafe.run_sanafe(python, placed, injected, program.period)
    spikes = contest.integers[0].recording.spikes
    wrong = sum(int(np.count_nonzero(answer["fired"][:, placed.part(name)] != fired)) for name, fired in spikes.items())
    return Row(peer, 1000 * float(answer["seconds"]) / program.period, None, wrong)


@torch.no_grad()
def _by_framework(peer: str, contest: Contest) -> Row:
    module, function, arguments = FRAMEWORKS[peer]
    read = getattr(import_module(module), function)

    def run(sample: Array) -> Array:
        network, state = read(contest.graph, **arguments), None  # anew, since some keep what they have seen
        rows, begun = [], time.perf_counter()
        for row in torch.as_tensor(sample, dtype=torch.float32):
            answer, state = network(row[None], state)
            rows.append(answer[0].numpy())
        spent.append(time.perf_counter() - begun)
        return np.array(rows)

    spent: list[float] = []
    outputs = [run(sample) for sample in contest.samples]
    steps = len(contest.samples[0])
    return Row(peer, 1000 * median(spent[1:]) / steps, _different(contest.floats, outputs), None)


def _timed(run: Callable[[Array], SampleRun], samples: Sequence[Array]) -> tuple[float, list[SampleRun]]:
    """The median sample's seconds, but for the first, which warms up."""
    seconds, runs = [], []
    for sample in samples:
        begun = time.perf_counter()
        runs.append(run(sample))
        seconds.append(time.perf_counter() - begun)
    return median(seconds[1:]), runs


def _different(first: Sequence[Array], second: Sequence[Array]) -> int:
    return sum(int(np.count_nonzero(one != other)) for one, other in zip(first, second, strict=True))


if __name__ == "__main__":
    sys.exit(run_command(main, "peers", sys.argv[1:]))
