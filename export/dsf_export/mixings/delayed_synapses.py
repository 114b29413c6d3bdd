"""Delayed synapses in a program: one weight matrix a delay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear

from dsf_export.folding import Affine
from dsf_export.group_synapses import GroupSynapses
from dsf_export.mixings.folded_mixing import FoldedMixing
from dsf_export.neuron_groups import Groups
from dsf_export.program_graph import ProgramGraph
from dsf_models.mixings.past import sum_of_past


@dataclass(frozen=True, eq=False)
class FoldedDelays(FoldedMixing):
    """``SN(Σ_{j<S} (weight_j s_{i−j} + past_bias_j) + bias)``; the sum is over tokens that exist.

    Attributes
    ----------
    weight
        (S, width, levels D).
    past_bias
        (S, width): comes once for every token that exists.
    bias
        (width,): comes once.
    """

    weight: Tensor
    past_bias: Tensor
    bias: Tensor
    project: Affine

    @property
    def biases(self) -> tuple[Tensor, ...]:
        """All that a token of each number of decisions ago adds, (width,) each; the present one is always there."""
        return (self.past_bias[0] + self.bias, *self.past_bias[1:].unbind())

    def lower(self, graph: ProgramGraph, inputs: Sequence[str], prefix: str) -> str:
        """A past token brings its bias by the bias line's spikes of that time."""
        output = graph.add_lif(f"{prefix}.output", len(self.bias))
        for ago, (weight, bias) in enumerate(zip(self.weight, self.biases, strict=True)):
            graph.connect_all(inputs, output, weight, ago)
            graph.connect_bias(output, bias, ago)
        return output

    def synapses(self, inputs: int, prefix: str) -> dict[str, GroupSynapses]:
        weights = tuple(part for weight in self.weight for part in weight.chunk(inputs, dim=1))
        return {f"{prefix}.output": GroupSynapses(weights, self.biases)}

    def fire(self, inputs: Tensor, groups: Groups, prefix: str) -> Tensor:
        def current(synapses: GroupSynapses) -> Tensor:
            levels = len(synapses.weights) // len(synapses.biases)
            starts = range(0, len(synapses.weights), levels)
            weights = [torch.cat(synapses.weights[start : start + levels], dim=1) for start in starts]
            pairs = zip(weights, synapses.biases, strict=True)
            terms = [groups.layout.unpack(linear(inputs, weight, bias)) for weight, bias in pairs]
            return groups.layout.pack(sum_of_past(terms))

        return groups.fire(f"{prefix}.output", current)
