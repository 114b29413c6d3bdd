"""What does a decision cost by each profile, beside the networks one would deploy instead?

    python -m benchmarks.energy_table [env=pen-e] [policy=FOLDER] [episodes=5] [context=20]
        [passes_by=loihi1-measured] [held_out=100] [every=true]

The policy runs in closed loop on loihi-fast. Its mean decision is priced by every profile that has prices: chips have
the network placed on their cores first, in the stream layout (the newest token alone) and in the window layout (all
``context`` tokens at every decision, each token's work as counted for the newest; the host keeps earlier currents).
Below stand Decision Transformer of the usual size and the policy's own network as an ANN, by profiles of processors;
then the latter scaled from what devices were measured at, static power included.
Bands add up all prices at their low and at their high end. ``Events alone`` is without static and host power.

Below that is a table of the program's passes by the profile ``passes_by``: the program as it was rounded, after each
pass, and spread over the chip's free cores, which also has a row with neurons that are reset at a token's begin. All
rows above that have the fewest cores. ``Different`` counts the decisions in which a program gives another action than
before all passes. Neurons that a record took out are looked at in ``held_out`` episodes. ``every=true`` prints this
table for every policy that ships, and below them the energies of all, a column a pass; it prints no other tables.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from hw_profiles.arithmetic.baselines import OWN, ann_estimate, baseline_estimates
from hw_profiles.arithmetic.break_even import break_even
from hw_profiles.arithmetic.mac_counts import MacCounts
from hw_profiles.arithmetic.network_as_ann import network_as_ann_macs
from hw_profiles.energy import POWERS, EnergyEstimate
from hw_profiles.loader import load_profile, profile_names
from hw_profiles.mapping.window_layout import window_layout
from hw_profiles.network import ChipNetwork, ContextLayout
from hw_profiles.pricing import Priced, price
from hw_profiles.profile import ANN_KINDS, Kind, Profile
from hw_profiles.report.units import energy_text, time_text
from hw_profiles.spikes_per_synapse import spikes_per_synapse
from hw_profiles.timing import Span, TimeEstimate
from neuro_runtime.environments import load_environment_spec
from neuro_runtime.policy_files import shipped_policies
from support.counted import CountedRun, counted_run
from support.lean_rows import HEADER as HEADER_OF_PASSES
from support.lean_rows import LeanRow, LeanTable, energies

LAYOUTS: tuple[ContextLayout, ...] = ("stream", "window")
HEADER = (
    "| Priced by | Layout | Energy a decision | Events alone | Time a decision | Waits for | Cores |\n"
    "|---|---|---|---|---|---|---|"
)


@dataclass
class Options:
    """The policy to run, how far a window looks back, and what its passes are priced and checked by."""

    env: str = "pen-e"
    policy: str | None = None  # the one that ships with the environment
    episodes: int = 5
    context: int = 20
    passes_by: str = "loihi1-measured"
    held_out: int = 100
    every: bool = False


def main(argv: list[str]) -> int:
    """Run, place, price, and print the tables."""
    options = compose(Options, argv)
    if options.every:
        print(energies({name: _print_passes(replace(options, env=name, policy=None)) for name in shipped_policies()}))
        return 0
    run = counted_run(options.env, options.policy, options.episodes)
    profiles = [load_profile(name) for name in profile_names()]
    rows = [*_spiking_rows(run, profiles, options.context), *_ann_rows(run.network, profiles, options)]
    print(f"{options.env}, mean of {run.decisions} decisions in {options.episodes} episodes\n")
    print("\n".join([HEADER, *rows]))
    print(f"\n{_spikes_per_synapse(run)}\n")
    _print_passes(options)
    return 0


def _print_passes(options: Options) -> list[LeanRow]:
    profile = load_profile(options.passes_by)
    table, rows = LeanTable(options.env, options.policy, profile, options.episodes, options.held_out), []
    if record := table.record():
        print(f"{record}\n")
    print(
        f"{options.policy or options.env} by {profile.name}, mean of {options.episodes} episodes\n\n{HEADER_OF_PASSES}"
    )
    for row in table.rows():
        print(row.line(), flush=True)
        rows.append(row)
    print()
    return rows


def _spiking_rows(run: CountedRun, profiles: Sequence[Profile], context: int) -> Iterator[str]:
    window = window_layout(run.network, context)
    for profile in profiles:
        if profile.kind in ANN_KINDS or not profile.has_prices:
            continue
        for layout in LAYOUTS:
            placed = window if layout == "window" and profile.needs_mapping else run.network
            yield _spiking_row(price(run.counts, placed, profile, layout, context))


def _spiking_row(priced: Priced) -> str:
    if priced.energy is None:
        return _row(f"`{priced.profile.name}`", priced.layout, str(priced.refusal))
    mapping = priced.mapping
    cores = "" if mapping is None else f"{len(mapping.cores):,}"
    return _row(
        f"`{priced.profile.name}`",
        priced.layout,
        _energy(priced.energy),
        "" if mapping is None else energy_text(_events_pj(priced.energy)),
        *_time(priced.time),
        cores,
    )


def _ann_rows(network: ChipNetwork, profiles: Sequence[Profile], options: Options) -> Iterator[str]:
    spec = load_environment_spec(options.env)
    for profile in profiles:
        for estimate in baseline_estimates((spec.observation_size, spec.action_size), network, [profile]):
            workload = estimate.title.partition(":")[0]
            layout = "window" if workload.endswith("recomputed") else "stream"
            yield _row(f"{workload}, `{profile.name}`", layout, _energy(estimate))
        if profile.kind is Kind.processor and profile.energy.mac is not None:
            estimate = ann_estimate("", _ann_window(network, options.context), profile)
            yield _row(f"{OWN}, `{profile.name}`", "window", _energy(estimate))


def _ann_window(network: ChipNetwork, context: int) -> MacCounts:
    """The network as an ANN that computes every token of the context anew: no state is kept, weights are read once."""
    stream = network_as_ann_macs(network)
    return MacCounts(
        total=context * (stream.total - network.host_macs) + network.host_macs,
        attention=context * stream.attention,
        weights_read=stream.weights_read,
    )


def _events_pj(estimate: EnergyEstimate) -> float:
    return sum(line.total_pj for line in estimate.lines if line.term not in POWERS)


def _energy(estimate: EnergyEstimate) -> str:
    low, high = estimate.band_pj
    return energy_text(estimate.total_pj) + ("" if low == high else f" ({energy_text(low)} … {energy_text(high)})")


def _time(time: TimeEstimate | None) -> tuple[str, str]:
    return ("", "") if time is None else (_span(time.decision_us), time.binding)


def _span(span: Span) -> str:
    return f"{time_text(span.nominal)} ({time_text(span.low)} … {time_text(span.high)})"


def _row(*cells: str) -> str:
    return "| " + " | ".join([*cells, *[""] * (7 - len(cells))]) + " |"


def _spikes_per_synapse(run: CountedRun) -> str:
    use = spikes_per_synapse(run.counts, run.network)
    sides = [
        f"{item.value:.2f} is {item.verdict.value} ({item.threshold.low:g} … {item.threshold.high:g}; "
        f"{item.threshold.source})"
        for item in break_even(use, run.network.active_steps)
    ]
    return "\n".join([f"Spikes per synapse and decision: {use:.2f}. Published break-even points:", *sides])


if __name__ == "__main__":
    sys.exit(run_command(main, "energy_table"))
