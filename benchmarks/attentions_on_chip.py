"""What does each attention take on a chip? Neurons, synapses, time steps and cores, by mixing and heads.

    python -m benchmarks.attentions_on_chip [size=64] [window=8] [time_steps=4] [heads=1,4] [limits=0,3]
        [forms=digits,graded]

Untrained policies of one block, lowered as dsf-export does, each layer as early as it can work. A score is told in
**digits**, or as one **graded** spike on chips that have them. **Neurons** and **synapses** are those between queries,
keys and values and the attention's output: gates, digits or graded neurons, and the synapses into these and into the
output, whose D neurons are left out where they are no gates. **Hops** lead from a query's spike to the output's.
**Period** is the time steps of a whole decision, which also waits for membranes to decay. **Cores** are those of the
whole policy, relays for long delays included. ``limits`` are values of model.score_limit, for mixings that have it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dsf_common.errors import GateFailed
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_export.optimise.graded_scores import GradedScores
from dsf_export.optimise.passes import lean
from dsf_export.optimise.period import ShortestPeriod
from dsf_export.optimise.program_pass import ProgramPass
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

PASSES: tuple[ProgramPass[Any], ...] = (ShortestPeriod(),)
MIXINGS = ("pssa", "sdsa1", "sssa", "sdsa3", "tssa")
CHIPS = ("loihi1-davies2018", "loihi2")
PREFIX = "block0.attention"
READERS = tuple(f"{PREFIX}.{name}" for name in ("input", "query", "key", "value"))
OUTPUT = f"{PREFIX}.output"
TITLES = ("Mixing", "Heads", "Score limit", "Scores", "Neurons", "Synapses", "Hops", "Period")
HEADER = (f"| {' | '.join((*TITLES, *(f'Cores, {chip}' for chip in CHIPS)))} |", f"|{'---|' * 10}")


@dataclass
class Options:
    """Dimensions of the policies, and the values that are compared."""

    size: int = 64
    window: int = 8
    time_steps: int = 4
    heads: str = "1,4"
    limits: str = "0,3"
    forms: str = "digits,graded"


def main(argv: list[str]) -> int:
    """Print the table."""
    options = compose(Options, argv)
    print("\n".join(HEADER))
    for config in _configs(options):
        program = quantised(random_policy(config, OBSERVATIONS, ACTIONS))
        for form in options.forms.split(",") if _has_scores(config) else [""]:
            passes = PASSES if form != "graded" else (GradedScores(), *PASSES)
            print(f"| {' | '.join(map(str, _cells(config, form, lean(program, passes))))} |", flush=True)
    return 0


def _has_scores(config: ModelConfig) -> bool:
    return "score_limit" in mixing_class(config.mixing).settings


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


def _cells(config: ModelConfig, form: str, program: Program) -> list[object]:
    left_out = READERS if isinstance(program.node(OUTPUT), And) else (*READERS, OUTPUT)
    between = [node for node in program.nodes if node.name.startswith(PREFIX) and node.name not in left_out]
    own = {node.name for node in between} | {OUTPUT}
    synapses = sum(item.weight.size for item in program.weighted_connections if item.target in own)
    times = working_times(program)
    return [
        config.mixing,
        config.heads if _has_scores(config) else "",
        config.score_limit or "",
        form,
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
        return "none" if "graded spike" in str(refused) else str(refused).splitlines()[0]


if __name__ == "__main__":
    sys.exit(run_command(main, "attentions_on_chip"))
