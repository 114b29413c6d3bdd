"""How many cores does a policy take: in stream and in window layout, cut greedily and by dynamic programming?

    python -m benchmarks.mapping_table [env=pen-e] [context=20] [layers=true]

``Cores a token`` divides a window's cores by the tokens of its context. ``layers=true`` adds the stream's table by
layer. Seconds are of one mapping, relays, cuts and places together, on this machine.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from hw_profiles.loader import load_profile
from hw_profiles.mapping import ChipMapping, map_network
from hw_profiles.mapping.mapping_text import mapping_text
from hw_profiles.mapping.partition import Method
from hw_profiles.mapping.window_layout import window_layout
from hw_profiles.network import ChipNetwork
from neuro_runtime.chip_network import chip_network
from neuro_runtime.policy_files import find_policy
from neuro_runtime.program.storage import load_program

CHIPS = ("loihi1-davies2018", "loihi2")
HEADER = (
    "| Chip | Layout | Cut | Cores | Chips | Cores a token | Neurons | of them relays | Synapses | Seconds |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass
class Options:
    """The policy to place, and how far a window looks back."""

    env: str = "pen-e"
    policy: str | None = None  # the one that ships with the environment
    context: int = 20
    layers: bool = False


def main(argv: list[str]) -> int:
    """Place and print."""
    options = compose(Options, argv)
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
