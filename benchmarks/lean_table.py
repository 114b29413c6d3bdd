"""What does each pass save of a decision, and what does placing the lean program on more cores?

    python -m benchmarks.lean_table [env=pen-e] [policy=FOLDER] [passes=all] [episodes=5] [recorded=100]
        [profile=loihi1-measured]

The program is priced as it is, after each pass, and after its neurons are spread over the chip's free cores; all but
the last row have the fewest cores. Each row's program runs in closed loop on loihi-fast, on the same episodes.
``Different`` counts the decisions in which the program before all passes gives another action on the same tokens.
``passes=all`` records ``recorded`` episodes for what never fires, and holds that against as many others.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from dsf_common.errors import UserError
from dsf_common.exit_status import run_command
from dsf_common.key_value_options import compose
from dsf_export.optimise.pass_report import names
from dsf_export.optimise.passes import SAFE, Applied, PassChoice, find_choice, optimise
from dsf_export.optimise.record_silence import Silence, hold_out, record_silence
from dsf_export.optimise.recorded import RecordedSilence
from hw_profiles.loader import load_profile
from hw_profiles.mapping import Objective
from hw_profiles.mapping.mapping_cache import MappingCache
from hw_profiles.pricing import price
from hw_profiles.profile import Profile
from hw_profiles.report.units import energy_text, time_text
from neuro_runtime.policy_files import find_policy
from neuro_runtime.program.program import Program
from neuro_runtime.program.storage import load_program
from neuro_runtime.program.summary import synapse_count
from support.counted import counted_program

HEADER = (
    "| Program | Neurons | Synapses | Time steps | Synops | Different | Cores | Time | Energy |\n"
    "|---|---|---|---|---|---|---|---|---|"
)
NOTHING_RECORDED = Silence({}, 0)


@dataclass
class Options:
    """The policy, how far it is made lean, and the chip that prices it."""

    env: str = "pen-e"
    policy: str | None = None  # the one that ships with the environment
    passes: str = "all"
    episodes: int = 5
    recorded: int = 100
    profile: str = "loihi1-measured"


def main(argv: list[str]) -> int:
    """Make lean, run, price, and print the table."""
    options = compose(Options, argv)
    if options.episodes < 1 or options.recorded < 2:
        raise UserError("episodes must be at least 1, and recorded at least 2")
    program = load_program(find_policy(options.policy or options.env).need_program())
    applied = _applied(program, options)
    print(f"{options.env} by {options.profile}, mean of {options.episodes} episodes\n\n{HEADER}")
    for row in _rows(program, applied, options):
        print(row, flush=True)
    return 0


def _applied(program: Program, options: Options) -> tuple[Applied, ...]:
    """The passes that were asked for; those of a record where it holds, which is printed."""
    choice = find_choice(options.passes)
    if choice is not PassChoice.all:
        return optimise(program) if choice is PassChoice.safe else ()
    silence = record_silence(program, options.recorded)
    applied = optimise(program, (RecordedSilence(silence.silent), *SAFE))
    held_out = hold_out(program, applied[-1].program if applied else program, silence, options.recorded)
    print(
        f"{silence.neurons} neurons never fired in {silence.decisions} decisions; in {held_out.decisions} others they "
        f"fire {held_out.would_have_fired} times, and {held_out.different} actions differ without them\n"
    )
    return applied if held_out.holds else optimise(program)


def _rows(program: Program, applied: tuple[Applied, ...], options: Options) -> Iterator[str]:
    profile = load_profile(options.profile)
    stages = [("before", program), *zip(names(applied), (item.program for item in applied), strict=True)]
    for title, stage in stages:
        yield _row(title, program, stage, options, profile, Objective.cores)
    yield _row("spread over free cores", program, stages[-1][1], options, profile, Objective.energy)


def _row(
    title: str, before: Program, program: Program, options: Options, profile: Profile, objective: Objective
) -> str:
    run = counted_program(program, options.env, options.episodes)
    different = hold_out(before, program, NOTHING_RECORDED, options.episodes).different
    priced = price(run.counts, run.network, profile, mapping_cache=MappingCache(objective))
    if priced.energy is None or priced.mapping is None or priced.time is None:
        raise UserError(priced.refusal or f"profile {profile.name} has no times; choose a chip's that has")
    cells = (
        title,
        f"{sum(node.size for node in program.nodes if node.on_chip):,}",
        f"{sum(map(synapse_count, program.connections)):,}",
        str(program.period),
        f"{run.counts.synops:,.0f}",
        str(different),
        str(len(priced.mapping.cores)),
        time_text(priced.time.decision_us.nominal),
        energy_text(priced.energy.total_pj),
    )
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.exit(run_command(main, "lean_table"))
