"""What does each attention take on a chip? Neurons, synapses, time steps and cores, by mixing and heads.

    python -m benchmarks.attentions_on_chip [size=64] [window=8] [time_steps=4] [heads=1,4] [limits=0,3]

Untrained policies of one block, exported as dsf-export does. **Neurons** and **synapses** are those between queries,
keys and values and the attention's output: gates, digits of scores, and the synapses into these and into the output,
whose D neurons are left out where they are no gates. **Hops** are the time steps from a query's spike to the output's.
**Period** is the time steps of a whole decision, which also waits for membranes to decay. **Cores** are those of the
whole policy, relays for long delays included. ``limits`` are values of model.score_limit, for mixings that have it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from dsf_common.errors import GateFailed
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_models.configuration import ModelConfig
from dsf_models.mixings import mixing_class
from hw_profiles.loader import load_profile
from hw_profiles.mapping import map_network
from neuro_runtime.chip_network import chip_network
from neuro_runtime.program import Program
from neuro_runtime.program.arrival import working_times
from neuro_runtime.program.nodes import And
from support.random_policies import random_policy
from support.small_policies import ACTIONS, OBSERVATIONS, quantised

MIXINGS = ("pssa", "sdsa1", "sssa", "sdsa3", "tssa")
CHIPS = ("loihi1-davies2018", "loihi2")
PREFIX = "block0.attention"
READERS = tuple(f"{PREFIX}.{name}" for name in ("input", "query", "key", "value"))
OUTPUT = f"{PREFIX}.output"
HEADER = (
    f"| Mixing | Heads | Score limit | Neurons | Synapses | Hops | Period | Cores, {' | Cores, '.join(CHIPS)} |",
    f"|{'---|' * (7 + len(CHIPS))}",
)


@dataclass
class Options:
    """Dimensions of the policies, and the values that are compared."""

    size: int = 64
    window: int = 8
    time_steps: int = 4
    heads: str = "1,4"
    limits: str = "0,3"


def main(argv: list[str]) -> int:
    """Print the table."""
    options = compose(Options, argv)
    print("\n".join(HEADER))
    for config in _configs(options):
        program = quantised(random_policy(config, OBSERVATIONS, ACTIONS))
        print(f"| {' | '.join(map(str, _cells(config, program)))} |", flush=True)
    return 0


def _configs(options: Options) -> Iterator[ModelConfig]:
    for mixing in MIXINGS:
        scored = "score_limit" in mixing_class(mixing).settings
        for limit in options.limits.split(",") if scored else ["0"]:
            for heads in options.heads.split(",") if scored else ["1"]:
                yield ModelConfig(
                    embedding_size=options.size,
                    blocks=1,
                    heads=int(heads),
                    context=options.window,
                    window=options.window,
                    time_steps=options.time_steps,
                    mixing=mixing,
                    score_limit=int(limit),
                )


def _cells(config: ModelConfig, program: Program) -> list[object]:
    left_out = READERS if isinstance(program.node(OUTPUT), And) else (*READERS, OUTPUT)
    between = [node for node in program.nodes if node.name.startswith(PREFIX) and node.name not in left_out]
    own = {node.name for node in between} | {OUTPUT}
    synapses = sum(item.weight.size for item in program.weighted_connections if item.target in own)
    times = working_times(program)
    return [
        config.mixing,
        config.heads if "score_limit" in mixing_class(config.mixing).settings else "",
        config.score_limit or "",
        f"{sum(node.size for node in between):,}",
        f"{synapses:,}",
        times[OUTPUT] - times[READERS[1]],
        program.period,
        *(_cores(program, chip) for chip in CHIPS),
    ]


def _cores(program: Program, chip: str) -> object:
    try:
        return len(map_network(chip_network(program), load_profile(chip)).cores)
    except GateFailed as refused:
        return str(refused).splitlines()[0]


if __name__ == "__main__":
    sys.exit(run_command(main, "attentions_on_chip"))
