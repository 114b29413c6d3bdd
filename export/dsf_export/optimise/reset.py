"""Neurons are reset at a token's begin, so that none has to decay before it.

**Match.** As for the shortest period (`dsf_export.optimise.period`), where the chip has a reset; the period is shorter
if LIF neurons that would not decay to 0 in its idle steps are reset instead.

**Keeps.** Every spike, in the same of the T time steps of its node.

**Exact**, since v is 0 where a decision's first input arrives at a node, by a reset as by its decay. A reset forgets
what came before its time step and not what arrives in it, and spikes of a decision's last time step arrive in the next
one's first. So each node is reset in its own first time step: nothing of an earlier decision arrives after it.
"""

from __future__ import annotations

from dsf_export.optimise.period import Schedule, scheduled, shortest_schedule
from dsf_export.optimise.program_pass import ProgramPass, Subject
from neuro_runtime.program.program import Program


class ResetAtBegin(ProgramPass[Schedule]):
    """See the module."""

    name = "reset at a token's begin"

    def match(self, subject: Subject) -> Schedule | None:
        schedule = shortest_schedule(subject, may_reset=True)
        return schedule if schedule and schedule.period < subject.program.period else None

    def transform(self, program: Program, match: Schedule) -> Program:
        return scheduled(program, match)
