"""A shipped policy's program before its passes, after each, and after placement: cost, and actions that differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from dsf_common.errors import UserError
from dsf_export.optimise.graded_scores import GradedScores
from dsf_export.optimise.lean_candidate import passes_again, recorded_neurons
from dsf_export.optimise.pass_report import BEFORE, names
from dsf_export.optimise.passes import PASSES, SAFE
from dsf_export.optimise.record_silence import Silence, hold_out
from dsf_export.optimise.recorded import RecordedSilence
from dsf_export.rounded_again import rounded_again
from dsf_models.checkpoint import load_model_file
from dsf_train.bench.table import markdown_table
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

SPREAD, RESETS = "spread over free cores", "the same with resets"
ORDER = (BEFORE, RecordedSilence.name, GradedScores.name, *(each.name for each in SAFE), SPREAD, RESETS)
HEADER = (
    "| Program | Neurons | Synapses | Time steps | Synops | Different | Cores | Time | Energy |\n"
    "|---|---|---|---|---|---|---|---|---|"
)
NOTHING_RECORDED = Silence({}, 0)
COMPARED = 20  # episodes, action by action


@dataclass(frozen=True)
class LeanRow:
    """A program after one pass or one placement: its size, and an average decision of it.

    Attributes
    ----------
    different
        Decisions of `COMPARED` episodes whose action is not that of the program before all passes, bit for bit.
    time_us, energy_pj
        By the profile, nominal.
    """

    title: str
    neurons: int
    synapses: int
    period: int
    synops: float
    different: int
    cores: int
    time_us: float
    energy_pj: float

    def line(self) -> str:
        """Under `HEADER`."""
        cells = (
            self.title,
            f"{self.neurons:,}",
            f"{self.synapses:,}",
            str(self.period),
            f"{self.synops:,.0f}",
            str(self.different),
            str(self.cores),
            time_text(self.time_us),
            energy_text(self.energy_pj),
        )
        return f"| {' | '.join(cells)} |"


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

    def record(self) -> str:
        """A sentence on the neurons that a record took out, and on what they would have done; empty if none went.

        Raises
        ------
        UserError
            The policy has no model or no passes.
        """
        silence = Silence(recorded_neurons(self._before, self._shipped.provenance), 0)
        if not silence.silent or not self.held_out:
            return ""
        found = hold_out(self._before, self._shipped, silence, self.held_out)
        return (
            f"{silence.neurons} neurons went by a record; in {found.episodes} episodes that chose nothing "
            f"({found.decisions} decisions) they fire {found.would_have_fired} times, and {found.different} "
            "actions differ without them"
        )

    def rows(self) -> Iterator[LeanRow]:
        """The program before, after each pass, spread over free cores, and so with resets where they save steps.

        Raises
        ------
        UserError
            The policy has no model or no passes, or the profile no times.
        """
        provenance = self._shipped.provenance
        applied = passes_again(self._before, provenance)
        stages = [self._before, *(item.program for item in applied)]
        for title, stage in zip([BEFORE, *names(applied)], stages, strict=True):
            yield self._row(title, stage, Objective.cores)
        yield self._row(SPREAD, stages[-1], Objective.energy)
        with_resets = passes_again(self._before, provenance, may_reset=True)[-1].program
        if with_resets.period < stages[-1].period:
            yield self._row(RESETS, with_resets, Objective.energy)

    @cached_property
    def _shipped(self) -> Program:
        program = load_program(find_policy(self.policy or self.env).need_program())
        if PASSES not in program.provenance:
            raise UserError(
                f"no pass has changed the program of {self.env}: export it again, with --passes safe or all"
            )
        return program

    @cached_property
    def _before(self) -> Program:
        return rounded_again(self._shipped, load_model_file(find_policy(self.policy or self.env).need_model()))

    def _row(self, title: str, program: Program, objective: Objective) -> LeanRow:
        run = counted_program(program, program.environment, self.episodes)
        different = hold_out(self._before, program, NOTHING_RECORDED, COMPARED).different
        priced = price(run.counts, run.network, self.profile, mapping_cache=MappingCache(objective))
        if priced.energy is None or priced.mapping is None or priced.time is None:
            raise UserError(priced.refusal or f"profile {self.profile.name} has no times; choose a chip's that has")
        return LeanRow(
            title,
            neurons=sum(node.size for node in program.nodes if node.on_chip),
            synapses=sum(map(synapse_count, program.connections)),
            period=program.period,
            synops=run.counts.synops,
            different=different,
            cores=len(priced.mapping.cores),
            time_us=priced.time.decision_us.nominal,
            energy_pj=priced.energy.total_pj,
        )


def energies(rows_of_policies: Mapping[str, Sequence[LeanRow]]) -> str:
    """A table of all policies, a line each: size before and after all passes, and the energy of a decision after each.

    A pass that finds nothing leaves its cell empty; one that runs again has a cell for its first time. Energies are
    nominal.
    """
    found = {row.title for rows in rows_of_policies.values() for row in rows}
    titles = [title for title in ORDER if title in found]
    lines = []
    for name, rows in rows_of_policies.items():
        cells = {row.title: energy_text(row.energy_pj) for row in rows}
        first, last = rows[0], next(row for row in rows if row.title == SPREAD)
        lines.append(
            [
                f"`{name}`",
                f"{first.neurons:,} → {last.neurons:,}",
                f"{first.period} → {last.period}",
                *(cells.get(title, "") for title in titles),
                str(sum(row.different for row in rows)),
            ]
        )
    return markdown_table(["Policy", "Neurons", "Time steps", *titles, "Different"], lines)
