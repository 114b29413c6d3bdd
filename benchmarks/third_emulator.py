"""Does a third emulator of Loihi, brian2-loihi, do what the interpreter does? Layer by layer, every spike and state.

    python -m benchmarks.third_emulator [env=pendulum] [policy=FILE_OR_FOLDER] [decisions=5] [seed=5]

A policy runs in closed loop on the interpreter, within one episode. Each layer then gets, on brian2-loihi, the spikes
that reached it. brian2-loihi has an environment of its own, made the first time (environment=.venv-brian2-loihi). It
has no bias, so layers that take the host's current are left out; it has no accumulator, so the action is too. It fails
where a layer inside the portable subset differs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import GateFailed, UserError
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from neuro_runtime.policy_files import find_policy
from neuro_runtime.program.decay import current_loss, voltage_loss
from neuro_runtime.program.nodes import Accumulator, Dense, Neurons, Sparse, Weighted
from neuro_runtime.program.portable import departures
from neuro_runtime.program.program import Program
from neuro_runtime.program.storage import load_program
from support.closed_loop import Recording, record_closed_loop
from support.tool_environment import ROOT, tool_python

WORKER = ROOT / "benchmarks" / "brian2_loihi_worker.py"
PINNED = ("brian2-loihi==0.5.2", "brian2==2.9.0", "numpy==1.26.4", "setuptools==65.5.0")
HEADER = ("layer", "neuron-steps", "spikes", "different: spikes", "u", "v", "ms/time step", "outside the subset")

Integers = NDArray[np.integer[Any]]


@dataclass
class Options:
    """The policy, and how long it runs."""

    env: str = "pendulum"
    policy: str | None = None  # the one that ships with the environment
    decisions: int = 5
    seed: int = 5
    environment: str = str(ROOT / ".venv-brian2-loihi")


def main(argv: list[str]) -> int:
    """Print a row a layer."""
    options = compose(Options, argv)
    python = tool_python(Path(options.environment), PINNED)
    program = load_program(find_policy(options.policy or options.env).need_program())
    recording = record_closed_loop(program, options.decisions, options.seed)
    layers = [node for node in program.neurons if _runs(program, node)]
    answer = _run_brian2_loihi(python, program, layers, recording)
    outside = {departure.node for departure in departures(program)}
    rows, unexpected = [], []
    for node in layers:
        counts = _different(node.name, recording, answer)
        steps, fired = recording.spikes[node.name].shape[0], int(recording.spikes[node.name].sum())
        milliseconds = 1000 * float(answer[f"{node.name}/seconds"]) / steps
        size = f"{steps * node.size:,}", f"{fired:,}"
        rows.append((node.name, *size, *map(str, counts), f"{milliseconds:.2f}", "yes" * (node.name in outside)))
        unexpected += [node.name] if any(counts) and node.name not in outside else []
    left_out = [node.name for node in program.neurons if node not in layers]
    print(text_table([HEADER, *rows]), f"left out: {', '.join(left_out)}", sep="\n\n")
    if unexpected:
        raise GateFailed(f"brian2-loihi differs inside the portable subset: {', '.join(unexpected)}")
    return 0


def _runs(program: Program, node: Neurons) -> bool:
    """Whether brian2-loihi can run the layer by itself."""
    return not isinstance(node, Accumulator) and all(item.weighted for item in program.connections_into(node.name))


def _different(name: str, recording: Recording, answer: dict[str, Any]) -> tuple[int, int, int]:
    current, voltage = recording.states[name]
    ours = recording.spikes[name], current, voltage
    theirs = (answer[f"{name}/{quantity}"] for quantity in ("spikes", "current", "voltage"))
    spikes, u, v = (int(np.count_nonzero(one != other)) for one, other in zip(ours, theirs, strict=True))
    return spikes, u, v


def _run_brian2_loihi(python: Path, program: Program, layers: list[Neurons], recording: Recording) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    described = []
    for node in layers:
        connections = [item for item in program.connections_into(node.name) if isinstance(item, Dense | Sparse)]
        keys = [f"{node.name}/{number}" for number in range(len(connections))]
        for key, item in zip(keys, connections, strict=True):
            arrays.update({f"{key}/{part}": value for part, value in _axons(item, recording).items()})
        lif = node.as_lif("loihi")
        described.append(
            {
                "name": node.name,
                "size": node.size,
                "steps": len(recording.spikes[node.name]),
                "threshold": int(lif.threshold),
                "voltage_loss": voltage_loss(lif),
                "current_loss": current_loss(lif),
                "connections": keys,
            }
        )
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "layers.npz", Path(folder) / "answer.npz"
        np.savez_compressed(given, layers=np.array(json.dumps(described)), **arrays)
        if subprocess.run([str(python), str(WORKER), str(given), str(answer)]).returncode:
            raise UserError("brian2-loihi ended with an error; it stands above")
        return dict(np.load(answer))


def _axons(connection: Weighted, recording: Recording) -> dict[str, Any]:
    """A connection's synapses, each with its axon, and the time steps in which each axon's spikes arrive."""
    spikes = recording.spikes[connection.source]
    source: Integers
    delay: Integers
    axon: Integers
    target: Integers
    if isinstance(connection, Dense):
        target, axon = map(np.ravel, np.indices(connection.weight.shape))
        source, delay = np.arange(spikes.shape[1]), np.full(spikes.shape[1], connection.delay)
    else:
        pairs = np.stack([connection.source_index, connection.delay], axis=1)
        unique, axon = np.unique(pairs, axis=0, return_inverse=True)
        source, delay, target, axon = unique[:, 0], unique[:, 1], connection.target_index, axon.ravel()
    step, fired = np.nonzero(spikes[:, source])
    times = step + 1 + delay[fired]
    arriving = times < len(spikes)
    return {
        "axon": axon.astype(np.int64),
        "target": np.asarray(target, dtype=np.int64),
        "weight": connection.weight.ravel().astype(np.int64),
        "exponent": np.array(connection.exponent),
        "axons": np.array(len(source)),
        "fired": fired[arriving],
        "times": times[arriving],
    }


if __name__ == "__main__":
    sys.exit(run_command(main, "third_emulator"))
