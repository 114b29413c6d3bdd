"""PSSA in a program: AND gates over the keys and values of the last S tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dsf_common.errors import UserError
from dsf_export.folding import Affine, fold_linear
from dsf_export.group_synapses import GroupSynapses
from dsf_export.mixings.folded_mixing import FoldedMixing
from dsf_export.mixings.mixing_lowering import MixingLowering
from dsf_export.neuron_groups import Groups
from dsf_export.program_graph import ProgramGraph
from dsf_models.configuration import ModelConfig, PositionBias
from dsf_models.mixings.past import sum_of_past
from dsf_models.mixings.position_weights import RelativeWeights
from dsf_models.mixings.pssa import PSSA
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import Spikes

WITHOUT_STREAM = (
    "A position bias of (i, j) in the window (model.position_bias=pairwise) weighs a token differently at every "
    "decision and cannot stream; train with model.position_bias=relative."
)


@dataclass(frozen=True, eq=False)
class FoldedPssa(FoldedMixing):
    """``SN(q_i ⊙ Σ_{j<S} position_j ⊙ (k_{i−j} ∧ v_{i−j}))``, q, k and v spikes of their own affine maps.

    Attributes
    ----------
    factors
        The maps of ``query``, ``key`` and ``value``, in this order.
    position
        (S, D), in thresholds.
    window
        S.
    """

    factors: dict[str, Affine]
    position: Tensor
    window: int
    project: Affine

    def lower(self, graph: ProgramGraph, inputs: Sequence[str], prefix: str) -> str:
        """Gate j·D + c is query c ∧ key c ∧ value c of j tokens ago; each channel's gates meet in one output neuron."""
        size = self.position.shape[1]
        query, key, value = (
            graph.add_layer(f"{prefix}.{factor}", inputs, affine) for factor, affine in self.factors.items()
        )
        past = graph.add_and(f"{prefix}.past", size)
        gate = graph.add_and(f"{prefix}.gate", self.window * size)
        output = graph.add_lif(f"{prefix}.output", size)
        channels, gates = np.arange(size, dtype=np.int32), np.arange(self.window * size, dtype=np.int32)
        channel_of_gate, ago = gates % size, gates // size
        for factor in (key, value):
            graph.connect_listed(factor, past, channels, channels)
        graph.connect_listed(query, gate, channel_of_gate, gates)
        graph.connect_listed(past, gate, channel_of_gate, gates, ago=ago)
        graph.connect_listed(gate, output, gates, channel_of_gate, self.position.reshape(-1))
        return output

    def synapses(self, inputs: int, prefix: str) -> dict[str, GroupSynapses]:
        factors = {
            f"{prefix}.{factor}": GroupSynapses.of_layer(affine, inputs) for factor, affine in self.factors.items()
        }
        return factors | {f"{prefix}.output": GroupSynapses((self.position.T,))}

    def fire(self, inputs: Tensor, groups: Groups, prefix: str) -> Tensor:
        query, key, value = (groups.fire_layer(f"{prefix}.{factor}", inputs) for factor in self.factors)
        past = groups.layout.unpack(key * value)

        def current(synapses: GroupSynapses) -> Tensor:
            seen = sum_of_past([past * weight for weight in synapses.weights[0].T])
            return query * groups.layout.pack(seen)

        return groups.fire(f"{prefix}.output", current)

    def gate_spikes(self, spikes: Spikes, layout: TokenLayout, prefix: str) -> dict[str, Tensor]:
        """``past`` is k ∧ v, and a gate q ∧ past of one of the last S tokens."""
        past = spikes[f"{prefix}.key"] * spikes[f"{prefix}.value"]
        seen = layout.unpack(past).cumsum(dim=2)
        if self.window < seen.shape[2]:
            seen = torch.cat([seen[:, :, : self.window], seen[:, :, self.window :] - seen[:, :, : -self.window]], dim=2)
        gated = layout.unpack(spikes[f"{prefix}.query"]) * seen
        return {f"{prefix}.past": past.sum(), f"{prefix}.gate": gated.sum()}


class PssaLowering(MixingLowering[PSSA]):
    """PSSA with relative position weights."""

    def without_program(self, config: ModelConfig) -> str | None:
        return WITHOUT_STREAM if config.position_bias is PositionBias.pairwise else None

    def fold(self, mixing: PSSA, prefix: str, threshold: float) -> dict[str, FoldedMixing]:
        if not isinstance(mixing.position, RelativeWeights):
            raise UserError(WITHOUT_STREAM)
        layers = {"query": mixing.query, "key": mixing.key, "value": mixing.value}
        position = mixing.position.per_channel().double() / threshold
        folded = FoldedPssa(
            factors={name: fold_linear(layer, f"{prefix}.{name}", threshold) for name, layer in layers.items()},
            position=position,
            window=len(position),
            project=fold_linear(mixing.project, f"{prefix}.project", threshold),
        )
        return {prefix: folded}
