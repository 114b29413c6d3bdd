"""Where a token reaches neurons in a single time step, nothing of their v needs to be kept.

**Match.** LIF neurons that anything can reach in one time step of a decision alone, that keep no current, and whose v
is 0 before it.

**Keeps.** Every spike.

**Exact**, since v is what arrives, whatever the decay: before it there is nothing to lose, and what is left after it is
gone before the next decision's, sooner than it was. Such neurons need one idle step, and no twelve.
"""

from __future__ import annotations

from dataclasses import replace

from dsf_export.optimise.program_pass import ProgramPass, Subject
from neuro_runtime.program.decay import keeps_current
from neuro_runtime.program.limits import LARGEST_DECAY
from neuro_runtime.program.nodes import Lif
from neuro_runtime.program.program import Program


class OneStepDecay(ProgramPass[set[str]]):
    """See the module."""

    name = "decay of one step"

    def match(self, subject: Subject) -> set[str] | None:
        return {
            node.name
            for node in subject.program.nodes
            if isinstance(node, Lif) and node.voltage_decay < LARGEST_DECAY and not keeps_current(node)
            if subject.reachable.arriving[node.name].sum() == 1
            if subject.reachable.begins_at_zero(node) and subject.reachable.waits_for_input(node.name)
        } or None

    def transform(self, program: Program, match: set[str]) -> Program:
        nodes = (
            replace(node, voltage_decay=LARGEST_DECAY) if isinstance(node, Lif) and node.name in match else node
            for node in program.nodes
        )
        return replace(program, nodes=tuple(nodes))
