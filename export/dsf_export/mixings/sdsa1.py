"""SDSA-1 in a program: neurons that sum k ∧ v of the last S tokens, and gates that let a query's channels through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dsf_export.folding import Affine, fold_linear
from dsf_export.group_synapses import GroupSynapses
from dsf_export.mixings.folded_mixing import FoldedMixing
from dsf_export.mixings.mixing_lowering import MixingLowering
from dsf_export.neuron_groups import Groups
from dsf_export.program_graph import ABOVE_A_TIE, ProgramGraph
from dsf_models.mixings.past import sum_of_past
from dsf_models.mixings.sdsa1 import SDSA1
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import Spikes


@dataclass(frozen=True, eq=False)
class FoldedSdsa1(FoldedMixing):
    """``q_i ∧ SN(gain Σ_{j<S} (k ∧ v)_{i−j})``, q, k and v spikes of their own affine maps.

    Attributes
    ----------
    factors
        The maps of ``query``, ``key`` and ``value``, in this order.
    window
        S.
    gain
        The worth of a k ∧ v, in thresholds.
    """

    factors: dict[str, Affine]
    window: int
    gain: float
    project: Affine

    @property
    def _weight(self) -> Tensor:
        """(D, S)."""
        like = self.project.weight
        return torch.full((like.shape[1], self.window), self.gain, dtype=like.dtype, device=like.device)

    def lower(self, graph: ProgramGraph, inputs: Sequence[str], prefix: str) -> str:
        query, key, value = (
            graph.add_layer(f"{prefix}.{factor}", inputs, affine) for factor, affine in self.factors.items()
        )
        size = len(self._weight)
        past = graph.add_and(f"{prefix}.past", size)
        total = graph.add_lif(f"{prefix}.sum", size, ABOVE_A_TIE)
        output = graph.add_and(f"{prefix}.output", size)
        channels = np.arange(size, dtype=np.int32)
        for factor in (key, value):
            graph.connect_listed(factor, past, channels, channels)
        seen, ago = np.tile(channels, self.window), np.repeat(np.arange(self.window, dtype=np.int32), size)
        graph.connect_listed(past, total, seen, seen, self._weight.T.reshape(-1), ago)
        for gated in (query, total):
            graph.connect_listed(gated, output, channels, channels)
        return output

    def synapses(self, inputs: int, prefix: str) -> dict[str, GroupSynapses]:
        factors = {
            f"{prefix}.{factor}": GroupSynapses.of_layer(affine, inputs) for factor, affine in self.factors.items()
        }
        return factors | {f"{prefix}.sum": GroupSynapses((self._weight,))}

    def fire(self, inputs: Tensor, groups: Groups, prefix: str) -> Tensor:
        query, key, value = (groups.fire_layer(f"{prefix}.{factor}", inputs) for factor in self.factors)
        past = groups.layout.unpack(key * value)

        def current(synapses: GroupSynapses) -> Tensor:
            return groups.layout.pack(sum_of_past([past * weight for weight in synapses.weights[0].T]))

        return groups.gate(f"{prefix}.output", query * groups.fire(f"{prefix}.sum", current))

    def gate_spikes(self, spikes: Spikes, layout: TokenLayout, prefix: str) -> dict[str, Tensor]:
        return {f"{prefix}.past": (spikes[f"{prefix}.key"] * spikes[f"{prefix}.value"]).sum()}


class Sdsa1Lowering(MixingLowering[SDSA1]):
    """The sums are neurons with memory, the query's gates come after them."""

    def fold(self, mixing: SDSA1, prefix: str, threshold: float) -> dict[str, FoldedMixing]:
        layers = {"query": mixing.query, "key": mixing.key, "value": mixing.value}
        folded = FoldedSdsa1(
            factors={name: fold_linear(layer, f"{prefix}.{name}", threshold) for name, layer in layers.items()},
            window=mixing.config.window,
            gain=1 / threshold,
            project=fold_linear(mixing.project, f"{prefix}.project", threshold),
        )
        return {prefix: folded}
