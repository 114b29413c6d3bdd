"""How many decisions a second do many environments get? loihi-fast with 1 to 256 lanes, on all cores.

    python -m benchmarks.batch_throughput [env=pen-e] [policy=FOLDER] [rounds=9]

From tokens to actions, the host's encoder and readout and the counting included; environments are not stepped. Lanes
are given the tokens of one recording, each from another place in it. ``neurons alone`` leaves the host's parts out, and
`torch, window` is the trained model with as many windows in one batch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.text_table import text_table
from dsf_models.checkpoint import load_model_file
from dsf_models.token_history import TokenHistory
from neuro_runtime.backends import loihi_fast
from neuro_runtime.policy_files import PolicyFiles, find_policy
from neuro_runtime.program.storage import load_program
from neuro_runtime.simulators.loihi_fast import LoihiFast
from neuro_runtime.simulators.loihi_fast.host import CompiledHost
from neuro_runtime.token import Token
from support.recorded import recording_of, tokens_of
from support.timing import Times, Work, over, take_turns

LANES = (1, 8, 64, 256)
FAST, NEURONS, TORCH = "from token to action", "neurons alone", "torch, window"
DECISIONS, TORCH_DECISIONS = 1024, 64  # a round, over all lanes


@dataclass
class Options:
    """The policy to time, and how often."""

    env: str = "pen-e"
    policy: str | None = None  # the one that ships with the environment
    rounds: int = 9


def main(argv: list[str]) -> int:
    """Time every number of lanes in turns and print decisions a second."""
    options = compose(Options, argv)
    files = find_policy(options.policy or options.env)
    tokens = tokens_of(recording_of(files, decisions=100))
    ways = {f"{lanes} {name}": work for lanes in LANES for name, work in _ways(files, tokens, lanes).items()}
    times = take_turns(ways, options.rounds)
    cores = len(os.sched_getaffinity(0))
    print(f"{options.env}, decisions a second on {cores} cores, median of {options.rounds} rounds (fastest round)\n")
    names = (FAST, NEURONS, TORCH)
    rows = [(str(lanes), *(_rate(times, f"{lanes} {name}") for name in names)) for lanes in LANES]
    print(text_table([("lanes", *names), *rows]))
    return 0


def _ways(files: PolicyFiles, tokens: Sequence[Token], lanes: int) -> dict[str, Work]:
    backend, program, policy = loihi_fast.open_policy(files), load_program(files.need_program()), files.need_model()
    backend.open_lanes(lanes)
    simulator, history = LoihiFast(program, lanes), TokenHistory(load_model_file(policy), lanes)
    chosen = range(lanes)
    batches = [[tokens[(lane + step) % len(tokens)] for lane in chosen] for step in range(max(DECISIONS // lanes, 1))]
    host = CompiledHost(program.encoder, program.readout)
    currents = [host.encode(batch)[1] for batch in batches]
    raw = [
        (np.array([token.state for token in batch]), np.array([token.return_to_go for token in batch]))
        for batch in batches[: max(TORCH_DECISIONS // lanes, 1)]
    ]
    return {
        FAST: over(batches, lambda batch: backend.decide_lanes(chosen, batch), each=lanes),
        NEURONS: over(currents, lambda current: simulator.decide_batch(chosen, current), each=lanes),
        TORCH: over(raw, lambda given: history.act(*given), each=lanes),
    }


def _rate(times: Times, way: str) -> str:
    return f"{1 / times.typical(way):,.0f} ({1 / times.best(way):,.0f})"


if __name__ == "__main__":
    sys.exit(run_command(main, "batch_throughput"))
