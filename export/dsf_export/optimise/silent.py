"""Neurons that can never spike go.

**Match.** A neuron whose v, by the ranges of `neuro_runtime.program.reachable`, never exceeds its threshold.

**Keeps.** Every spike of all other neurons.

**Exact**, since a synapse whose source never spikes brings nothing. A gate keeps its synapses: one that loses any has
an input that never spikes, so it cannot spike itself and goes as well.
"""

from __future__ import annotations

from dsf_export.optimise.program_pass import ProgramPass, Subject
from dsf_export.optimise.rewriting import Neurons, removable, without
from neuro_runtime.program.program import Program


class SilentNeurons(ProgramPass[dict[str, Neurons]]):
    """See the module."""

    name = "silent neurons"

    def match(self, subject: Subject) -> dict[str, Neurons] | None:
        program = subject.program
        silent = {
            node.name: removable(program, node, subject.reachable.is_silent(node.name))
            for node in program.neurons
            if node.spikes
        }
        return {name: these for name, these in silent.items() if these.any()} or None

    def transform(self, program: Program, match: dict[str, Neurons]) -> Program:
        return without(program, match)
