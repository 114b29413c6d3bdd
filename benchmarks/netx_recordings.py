"""Trained netx files beside what was recorded of them: every spike, current and voltage that there is.

    python -m benchmarks.netx_recordings FOLDER [networks=oxford,tinynet,pilotnet_lif]

FOLDER holds ``oxford``, ``tinynet`` and ``pilotnet_lif`` of lava-dl, each with ``network.net`` and its recordings as
arrays. Each file becomes a program of integers, as dsf-export makes it, which loihi-fast runs. Two of the recordings
begin anew every 17 time steps, each layer a step after the one before, which is a sample of 17 time steps. Their inputs
are recorded behind the input layer's own weight and bias. PilotNet's voltages are a chip's: where a neuron spikes the
probe shows 128, and the state itself is 0. Status 1 if a number differs.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import GateFailed, UserError
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from dsf_export.sources.import_of_call import import_file
from dsf_export.sources.quantise_network import simulator_of
from neuro_runtime.program.limits import CURRENT_SHIFT
from neuro_runtime.program.sample_run import SampleRun, run_sample
from support.imported_networks import Count, count

Array = NDArray[Any]
Row = tuple[str, Count]
STEPS_TO_RESET = 17
FLATTEN = 6  # PilotNet's layer without neurons
PROBE_OF_A_SPIKE = 128


@dataclass
class Options:
    """The networks, with commas."""

    networks: str = "oxford,tinynet,pilotnet_lif"


def main(argv: list[str]) -> int:
    """Print a row for each recording."""
    if not argv or "=" in argv[0]:
        raise UserError("give the folder of the networks and their recordings first")
    folder, names = Path(argv[0]), compose(Options, argv[1:]).networks.split(",")
    table, different = [("network", "recorded", "numbers", "not 0", "different")], 0
    for name in names:
        for what, found in NETWORKS[name](folder / name):
            table.append((name, what, f"{found.compared:,}", f"{found.active:,}", f"{found.different:,}"))
            different += found.different
    print(text_table(table, numbers=False))
    if different:
        raise GateFailed(f"{different} numbers differ")
    return 0


def oxford(folder: Path) -> Iterator[Row]:
    """Events (channel, 0, time) in, and events out, two time steps late: one a layer."""
    given, recorded = np.load(folder / "input.npy"), np.load(folder / "ground_truth.npy")
    sample, expected = np.zeros((2000, 200)), np.zeros((2000, 200))
    sample[np.rint(given[:, 2]).astype(int), given[:, 0].astype(int)] = 1
    expected[np.rint(recorded[:, 2]).astype(int) - 2, recorded[:, 0].astype(int)] = 1
    yield "output, spikes", count(expected, _run(folder, "ge", "spikes", sample).output)


def tinynet(folder: Path) -> Iterator[Row]:
    """The current of the input in, held; the spikes of two layers out, (1, channels, height, width, time steps)."""
    frame = (np.load(folder / "input_bias.npy") - 34) / 36  # (width, height, channels)
    run = _run(folder, "gt", "values", np.repeat(frame.transpose(2, 1, 0)[None], STEPS_TO_RESET, axis=0))
    for layer, name in enumerate(("layer1", "output"), start=1):
        recorded = np.load(folder / f"{name}.npy")[0]
        flat = recorded.reshape(-1, recorded.shape[-1]).T.astype(np.int64)
        spikes = run.recording.spikes[f"layer{layer}"][layer - 1 :]  # recorded from the step before the image arrives
        yield f"{name}, spikes", count(flat, spikes[: len(flat)].astype(np.int64))


# By layer of the file; that of layer 1 is not there.
PILOTNET = {0: "input", 2: "conv-1", 3: "conv-2", 4: "conv-3", 5: "conv-4", 7: "fc-0", 8: "fc-1", 9: "fc-2"}


def pilotnet(folder: Path) -> Iterator[Row]:
    """An image in, held; spikes, currents and voltages out, (width, height, channels, time steps) or (neurons, …)."""
    frame = (np.load(folder / "image.npy").astype(np.float64) - 36) / 40
    run = _run(folder, "gt", "values", np.repeat(frame.transpose(2, 1, 0)[None], STEPS_TO_RESET, axis=0))
    for layer, name in PILOTNET.items():
        hops = layer - (layer > FLATTEN)
        ours = _as_probed(run, folder, layer, hops)
        for what, file in (("spikes", f"{name}.npy"), ("u", f"{name}-u.npy"), ("v", f"{name}-v.npy")):
            if (folder / file).is_file():
                recorded = np.load(folder / file)
                flat = recorded.T.reshape(recorded.shape[-1], -1).astype(np.int64)[hops:]  # since the image is there
                yield f"{name}, {what}", count(flat, np.resize(ours[what], flat.shape))


def _as_probed(run: SampleRun, folder: Path, layer: int, hops: int) -> Mapping[str, Array]:
    """A layer's record of the 17 time steps of the image, as the chip's probes show it.

    The chip adds a bias to v, the program to u, which no layer here keeps; so it is taken off u again.
    """
    recorded, node = run.recording, f"layer{layer}"
    spikes, u, v = (
        part[node][hops : hops + STEPS_TO_RESET].astype(np.int64)
        for part in (recorded.spikes, recorded.currents, recorded.voltages)
    )
    bias = _bias(folder, layer)
    bias = np.repeat(bias, u.shape[1] // len(bias)) << CURRENT_SHIFT
    return {"spikes": spikes, "u": u - bias, "v": np.where(spikes > 0, PROBE_OF_A_SPIKE, v)}


def _bias(folder: Path, layer: int) -> Array:
    with h5py.File(folder / "network.net", "r") as file:
        bias: Array = np.trunc(np.asarray(file[f"layer/{layer}/bias"])).astype(np.int64).reshape(-1)
    return bias


def _run(folder: Path, compare: str, kind: str, sample: Array) -> SampleRun:
    """The sample through the program of a file, which has integers already: the sample is its calibration."""
    path = folder / "network.net"
    with tempfile.TemporaryDirectory() as temporary:
        calibration = Path(temporary) / "calibration.npz"
        np.savez(calibration, input=sample[None])
        options = [f"compare={compare}", f"input={kind}", f"calibration={calibration}"]
        program = import_file(path, "netx", options).program
    program = program.for_steps(len(sample) + program.latency)
    return run_sample(program, simulator_of(program), sample)


NETWORKS: Mapping[str, Callable[[Path], Iterator[Row]]] = {
    "oxford": oxford,
    "tinynet": tinynet,
    "pilotnet_lif": pilotnet,
}


if __name__ == "__main__":
    sys.exit(run_command(main, "netx_recordings", sys.argv[1:]))
