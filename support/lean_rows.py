"""A shipped policy's program before its passes, after each, and after placement: cost, and actions that differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dsf_common.errors import UserError
from dsf_export.optimise.lean_candidate import passes_again, recorded_neurons
from dsf_export.optimise.pass_report import names
from dsf_export.optimise.passes import PASSES
from dsf_export.optimise.record_silence import Silence, hold_out
from dsf_export.rounded_again import rounded_again
from dsf_models.checkpoint import load_model_file
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
COMPARED = 20  # episodes, action by action


@dataclass(frozen=True, eq=False)
class LeanTable:
    """The rows of one policy.

    Attributes
    ----------
    env, policy
        The environment, and the policy's files; None for those that ship.
    episodes
        Priced.
    held_out
        Episodes in which neurons that a record took out are looked at; 0 for none.
    """

    env: str
    policy: str | None
    profile: Profile
    episodes: int
    held_out: int

    def lines(self) -> Iterator[str]:
        """The table, after a sentence on the record where there is one.

        Raises
        ------
        UserError
            The policy has no model or no passes, or the profile no times.
        """
        files = find_policy(self.policy or self.env)
        shipped = load_program(files.need_program())
        if PASSES not in shipped.provenance:
            raise UserError(
                f"no pass has changed the program of {self.env}: export it again, with --passes safe or all"
            )
        before = rounded_again(shipped, load_model_file(files.need_model()))
        if self.held_out:
            yield from self._record(before, shipped)
        yield f"{self.env} by {self.profile.name}, mean of {self.episodes} episodes\n\n{HEADER}"
        applied = passes_again(before, shipped.provenance)
        stages = [before, *(item.program for item in applied)]
        for title, stage in zip(["before", *names(applied)], stages, strict=True):
            yield self._row(title, before, stage, Objective.cores)
        yield self._row("spread over free cores", before, stages[-1], Objective.energy)
        with_resets = passes_again(before, shipped.provenance, may_reset=True)[-1].program
        if with_resets.period < stages[-1].period:
            yield self._row("the same with resets", before, with_resets, Objective.energy)

    def _record(self, before: Program, shipped: Program) -> Iterator[str]:
        silence = Silence(recorded_neurons(before, shipped.provenance), 0)
        if silence.silent:
            found = hold_out(before, shipped, silence, self.held_out)
            yield (
                f"{silence.neurons} neurons went by a record; in {found.episodes} episodes that chose nothing "
                f"({found.decisions} decisions) they fire {found.would_have_fired} times, and {found.different} "
                "actions differ without them\n"
            )

    def _row(self, title: str, before: Program, program: Program, objective: Objective) -> str:
        run = counted_program(program, program.environment, self.episodes)
        different = hold_out(before, program, NOTHING_RECORDED, COMPARED).different
        priced = price(run.counts, run.network, self.profile, mapping_cache=MappingCache(objective))
        if priced.energy is None or priced.mapping is None or priced.time is None:
            raise UserError(priced.refusal or f"profile {self.profile.name} has no times; choose a chip's that has")
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
