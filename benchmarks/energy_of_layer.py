"""What does one layer cost, event by event? The account of docs/energy.md, to check by hand.

    python -m benchmarks.energy_of_layer [env=pen-e] [layer=block0.mlp.hidden] [profile=loihi1-measured] [episodes=5]

First where the layer's synaptic operations come from: the spikes of each source times the synapses that one of its
neurons has there. Then the layer's terms by the profile, each a count times a price.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from dsf_common.errors import UserError
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_common.suggestions import suggestion
from hw_profiles.loader import load_profile
from hw_profiles.pricing import check_prices_runs, price
from support.counted import CountedRun, counted_run


@dataclass
class Options:
    """The policy, its layer, and the profile that prices it."""

    env: str = "pen-e"
    policy: str | None = None  # the one that ships with the environment
    layer: str = "block0.mlp.hidden"
    profile: str = "loihi1-measured"
    episodes: int = 5


def main(argv: list[str]) -> int:
    """Run, place, price, and print one layer's account."""
    options = compose(Options, argv)
    run = counted_run(options.env, options.policy, options.episodes)
    layers = [population.name for population in run.network.populations]
    if options.layer not in layers:
        raise UserError(f"no layer {options.layer!r}: {suggestion(options.layer, layers)}")
    terms = list(_term_rows(run, options))
    print(f"{options.layer} of {options.env} by {options.profile}, mean of {run.decisions} decisions\n")
    print("| Source | Spikes | Synapses a spike | Synaptic operations |\n|---|---|---|---|")
    print("\n".join(_source_rows(run, options.layer)))
    print("\n| Term | Count | Each, pJ | Energy, nJ |\n|---|---|---|---|")
    print("\n".join(terms))
    return 0


def _source_rows(run: CountedRun, layer: str) -> Iterator[str]:
    sources = dict.fromkeys(projection.source for projection in run.network.projections if projection.target == layer)
    for source in sources:
        spikes, synapses = run.counts.by_population[source].spikes, run.network.synops_per_spike(source)[layer]
        yield f"| {source} | {spikes:,.3f} | {synapses:,.3f} | {spikes * synapses:,.1f} |"


def _term_rows(run: CountedRun, options: Options) -> Iterator[str]:
    profile = load_profile(options.profile)
    check_prices_runs(profile)
    priced = price(run.counts, run.network, profile)
    if priced.energy is None:
        raise UserError(str(priced.refusal))
    lines = priced.energy.by_layer().get(options.layer, ())
    for line in lines:
        low, high = (value / 1000 for value in line.band_pj)
        each = f"{line.each_pj:g} ({line.low_pj:g} … {line.high_pj:g})"
        yield f"| {line.term} | {line.count:,.2f} | {each} | {line.total_pj / 1000:,.2f} ({low:,.2f} … {high:,.2f}) |"
    low, high = (sum(line.band_pj[end] for line in lines) / 1000 for end in (0, 1))
    yield f"| all | | | {sum(line.total_pj for line in lines) / 1000:,.2f} ({low:,.2f} … {high:,.2f}) |"


if __name__ == "__main__":
    sys.exit(run_command(main, "energy_of_layer"))
