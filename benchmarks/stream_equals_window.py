"""Does a stream of tokens give the window's answer? Closed loop, the largest difference of any action.

    python -m benchmarks.stream_equals_window [env=pen-e] [episodes=5] [model=FILE]

The program in stream layout (float) steers; the trained model answers the same tokens from their whole window. Without
`model=`, untrained policies of the paper's size whose layers all fire are taken, one of each mixing: PSSA with relative
position bias, TSSA, SSSA, SDSA-1 and SDSA-3 with a window, and delayed synapses. Status 1 if an action differs by 1e-5
or more.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from dsf_common.errors import GateFailed
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_export.fold import fold
from dsf_export.lower import lower
from dsf_export.recording import SEED, Recording, record_episode
from dsf_export.stages import run_model, run_program
from dsf_models.checkpoint import PolicyModel, load_model_file
from dsf_models.configuration import BiasSharing, ModelConfig
from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.environments import EnvironmentSpec, load_environment_spec, make_environment
from neuro_runtime.program import Program
from neuro_runtime.simulators.interpreter import Interpreter
from support.random_policies import random_policy

LIMIT = 1e-5
HEADS = 16  # of attentions with a map, so that few channels make a score


@dataclass
class Options:
    """The environment that gives the tokens, how many episodes, and a trained model to compare too."""

    env: str = "pen-e"
    episodes: int = 5
    model: str | None = None


def main(argv: list[str]) -> int:
    """Print one line a policy."""
    options = compose(Options, argv)
    spec = load_environment_spec(options.env)
    worst = max(_compare(name, policy, spec, options.episodes) for name, policy in _policies(options, spec))
    if worst >= LIMIT:
        raise GateFailed(f"an action differs by {worst:.2g}, the limit is {LIMIT:g}")
    return 0


def _policies(options: Options, spec: EnvironmentSpec) -> list[tuple[str, PolicyModel]]:
    if options.model:
        return [(options.model, load_model_file(Path(options.model)))]
    pssa = ModelConfig(mixing="pssa", bias_sharing=BiasSharing.layer)
    sizes = spec.observation_size, spec.action_size
    return [
        ("PSSA, relative", random_policy(pssa, *sizes, environment=spec.name)),
        *(
            (mixing, random_policy(ModelConfig(mixing=mixing, heads=HEADS), *sizes, environment=spec.name))
            for mixing in ("tssa", "sssa", "sdsa1", "sdsa3", "delay", "delay-matrix", "pssa-delay-matrix")
        ),
    ]


def _compare(name: str, policy: PolicyModel, spec: EnvironmentSpec, episodes: int) -> float:
    program = lower(fold(policy.model), policy, {})
    recording = _record(program, spec, episodes)
    with tqdm(total=2 * recording.decisions, desc=name, unit=" decisions", leave=False, disable=None) as bar:
        window = run_model(policy, recording, bar.update)
        stream = run_program(program, recording, bar.update)
    difference = float(np.abs(stream.actions - window.actions).max())
    spikes = sum(int(layer.sum()) for layers in window.spikes for layer in layers.values())
    different = sum(
        int((mine[layer] != theirs[layer]).sum())
        for mine, theirs in zip(stream.spikes, window.spikes, strict=True)
        for layer in theirs
    )
    print(
        f"{name}: {episodes} episodes of {spec.name}, {recording.decisions} decisions, largest action difference "
        f"{difference:.2g}; {spikes} spikes in the window's last tokens, {different} different in the stream"
    )
    return difference


def _record(program: Program, spec: EnvironmentSpec, episodes: int) -> Recording:
    environment = make_environment(spec.name)
    try:
        backend = ProgramBackend(program, Interpreter(program))
        return Recording(
            spec.name, tuple(record_episode(backend, environment, SEED + n, at_most=None) for n in range(episodes))
        )
    finally:
        environment.close()


if __name__ == "__main__":
    sys.exit(run_command(main, "stream_equals_window"))
