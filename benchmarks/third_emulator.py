"""Does a third emulator of Loihi, brian2-loihi, do what the interpreter does? Layer by layer, every spike and state.

    python -m benchmarks.third_emulator [env=pendulum] [policy=FILE_OR_FOLDER] [decisions=5] [seed=5]

A policy runs in closed loop on the interpreter, within one episode. Each layer then gets, on brian2-loihi, the spikes
that reached it. brian2-loihi has an environment of its own, made the first time (environment=.venv-brian2-loihi). It
has no bias, so layers that take the host's current are left out; it has no accumulator, so the action is too. It fails
where a layer inside the portable subset differs.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsf_common.errors import GateFailed
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from neuro_runtime.policy_files import find_policy
from neuro_runtime.program.nodes import Accumulator, Neurons
from neuro_runtime.program.portable import departures
from neuro_runtime.program.program import Program
from neuro_runtime.program.resets import require_no_resets
from neuro_runtime.program.storage import load_program
from support.brian2_loihi import ENVIRONMENT, brian2_loihi_python, run_layers
from support.closed_loop import Recording, record_closed_loop

HEADER = ("layer", "neuron-steps", "spikes", "different: spikes", "u", "v", "ms/time step", "outside the subset")


@dataclass
class Options:
    """The policy, and how long it runs."""

    env: str = "pendulum"
    policy: str | None = None  # the one that ships with the environment
    decisions: int = 5
    seed: int = 5
    environment: str = str(ENVIRONMENT)


def main(argv: list[str]) -> int:
    """Print a row a layer."""
    options = compose(Options, argv)
    python = brian2_loihi_python(Path(options.environment))
    program = load_program(find_policy(options.policy or options.env).need_program())
    require_no_resets(program, "brian2-loihi")
    recording = record_closed_loop(program, options.decisions, options.seed)
    layers = [node for node in program.neurons if _runs(program, node)]
    answer = run_layers(python, program, layers, recording.spikes)
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


if __name__ == "__main__":
    sys.exit(run_command(main, "third_emulator"))
