"""How long does one decision take? The same tokens through every backend in turns, one environment, one core.

    python -m benchmarks.decision_time [env=pen-e] [policy=FOLDER] [decisions=100] [repeats=7]

A decision is everything from the token to the action, the host's encoder and readout included; ``neurons alone`` is
loihi-fast without them. Lava's simulator decides a few tokens only, and PyTorch uses one thread.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from benchmarks.timing import Work, seconds_each
from export.recording import StateSpread, record
from neuro_runtime.backends import loihi_fast, loihi_sim
from neuro_runtime.backends.base import Backend
from neuro_runtime.command_line import compose, run_command
from neuro_runtime.loihi_fast import LoihiFast
from neuro_runtime.policy_files import PolicyFiles, find_policy
from neuro_runtime.program.storage import load_program
from neuro_runtime.token import Token
from train import torch_backend

LAVA_DECISIONS = 3


@dataclass
class Options:
    """What to time."""

    env: str = "pen-e"
    policy: str | None = None  # the one that ships with the environment
    decisions: int = 100
    repeats: int = 7


def main(argv: list[str]) -> int:
    """Time the backends and print medians and ratios."""
    options = compose(Options, argv)
    torch.set_num_threads(1)
    files = find_policy(options.policy or options.env)
    tokens = recorded_tokens(files, options.decisions)
    lava = loihi_sim.open_backend(files)
    try:
        ways = {
            "loihi-fast": _deciding(loihi_fast.open_backend(files), tokens),
            "loihi-fast, neurons alone": _stepping(files, tokens),
            "torch, window": _deciding(torch_backend.open_backend(files), tokens),
            "loihi-sim": _deciding(lava, tokens[:LAVA_DECISIONS]),
        }
        seconds = seconds_each(ways, options.repeats)
    finally:
        lava.close()
    print(f"{options.env}, one decision, median of {options.repeats} rounds\n")
    for name, of_way in seconds.items():
        print(f"{name:<28}{1e6 * of_way:>12,.1f} µs{of_way / seconds['loihi-fast']:>12,.1f} ×")
    return 0


def recorded_tokens(files: PolicyFiles, decisions: int) -> Sequence[Token]:
    """Tokens that the policy met in its environment."""
    backend = loihi_fast.open_backend(files)
    encoder = load_program(files.need_program()).encoder
    recording = record(backend, StateSpread(encoder.state_mean, encoder.state_std), decisions)
    return [token for episode in recording.episodes for token in episode]


def _deciding(backend: Backend, tokens: Sequence[Token]) -> Work:
    def work() -> int:
        for token in tokens:
            backend.decide(token)
        return len(tokens)

    return work


def _stepping(files: PolicyFiles, tokens: Sequence[Token]) -> Work:
    program = load_program(files.need_program())
    simulator = LoihiFast(program)
    currents = [program.encoder.quantise(program.encoder.encode(token)) for token in tokens]

    def work() -> int:
        for current in currents:
            simulator.decide(current)
        return len(currents)

    return work


if __name__ == "__main__":
    sys.exit(run_command(main, "decision_time"))
