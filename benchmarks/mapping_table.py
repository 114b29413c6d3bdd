"""How many cores does a policy take: in stream and in window layout, cut greedily and by dynamic programming?

    python -m benchmarks.mapping_table [env=pen-e] [context=20] [layers=true] [spreading=true]

``Cores a token`` divides a window's cores by the tokens of its context. ``layers=true`` adds the stream's table by
layer. Seconds are of one mapping, relays, cuts and places together, on this machine. ``spreading=true`` prints instead,
for ``policy`` or every one that ships, what spreading over free cores takes: processor time of a mapping for the fewest
cores and for the least energy, the least of nine in turn, and the median of their ratios, by spikes counted in an
episode.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import get_args

from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_train.bench.table import markdown_table
from hw_profiles.loader import load_profile
from hw_profiles.mapping import ChipMapping, Objective, map_network
from hw_profiles.mapping.mapping_text import mapping_text
from hw_profiles.mapping.partition import Method
from hw_profiles.mapping.window_layout import window_layout
from hw_profiles.network import ChipNetwork
from hw_profiles.profile import Profile
from neuro_runtime.chip_network import chip_network
from neuro_runtime.policy_files import find_policy, shipped_policies
from neuro_runtime.program.storage import load_program
from support.counted import CountedRun, counted_program
from support.timing import take_turns

CHIPS = ("loihi1-davies2018", "loihi2")
HEADER = (
    "| Chip | Layout | Cut | Cores | Chips | Cores a token | Neurons | of them relays | Synapses | Seconds |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)
ROUNDS = 9


@dataclass
class Options:
    """The policy to place, and how far a window looks back."""

    env: str = "pen-e"
    policy: str | None = None  # the one that ships with the environment
    context: int = 20
    layers: bool = False
    spreading: bool = False


def main(argv: list[str]) -> int:
    """Place and print."""
    options = compose(Options, argv)
    if options.spreading:
        heads = ["Policy", "Chip", "Cores", "spread", "Seconds", "spread", "Ratio"]
        print(markdown_table(heads, _times_of_spreading(options.policy)))
        return 0
    stream = chip_network(load_program(find_policy(options.policy or options.env).need_program()))
    print("\n".join([HEADER, *_rows(stream, options.context)]))
    if options.layers:
        for chip in CHIPS:
            print(f"\n{mapping_text(map_network(stream, load_profile(chip)))}")
    return 0


def _rows(stream: ChipNetwork, context: int) -> Iterator[str]:
    for chip in CHIPS:
        for network in (stream, window_layout(stream, context)):
            for method in get_args(Method):
                start = time.perf_counter()
                mapping = map_network(network, load_profile(chip), method)
                yield _row(mapping, time.perf_counter() - start)


def _times_of_spreading(policy: str | None) -> Iterator[list[str]]:
    for name in shipped_policies() if policy is None else [policy]:
        program = load_program(find_policy(name).need_program())
        run = counted_program(program, program.environment, episodes=1)
        for chip in CHIPS:
            yield [f"`{name}`", chip, *_spread(run, load_profile(chip))]


def _spread(run: CountedRun, profile: Profile) -> list[str]:
    """Cores and seconds of a mapping, both for the fewest cores and for the least energy, and the rounds' ratio."""
    spikes = {population: counts.spikes for population, counts in run.counts.by_population.items()}

    def place(objective: Objective) -> int:
        return len(map_network(run.network, profile, spikes=spikes, objective=objective).cores)

    def once(objective: Objective) -> int:
        place(objective)
        return 1

    both = Objective.cores, Objective.energy
    times = take_turns({each: partial(once, each) for each in both}, ROUNDS, time.process_time)
    few, spread = map(times.best, both)
    ratio = times.ratio(Objective.energy, Objective.cores)
    return [*(str(place(each)) for each in both), f"{few:.3f}", f"{spread:.3f}", f"{ratio:.2f}"]


def _row(mapping: ChipMapping, seconds: float) -> str:
    network = mapping.network
    cells = (
        mapping.profile,
        network.layout,
        mapping.method,
        len(mapping.cores),
        mapping.chips,
        f"{len(mapping.cores) / network.context:.2f}" if network.context else "",
        network.neurons,
        mapping.relays,
        network.synapses,
        f"{seconds:.2f}",
    )
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    raise SystemExit(run_command(main, "mapping_table", sys.argv[1:]))
