"""Attentions with a map of scores in a program: scores are counted in digits, and a digit ∧ a value is a gate.

    match[j, c] = query_c ∧ key_c of j tokens ago                                    a gate each, S·D
    digit_m[j, h] = [Σ_{c of head h} match[j, c] − Σ_{n<m} w_n digit_n[j, h] ≥ w_m]  a neuron each, B·S·H
    gate[m, j, c] = digit_m[j, h(c)] ∧ value_c of j tokens ago                       a gate each, B·S·D
    output_c = SN(g Σ_m w_m Σ_j gate[m, j, c])

A digit of a number takes one hop, as it counts what the higher ones have left. All digits together are worth the
largest score there is to tell, so a larger one is that one: a limit costs nothing, and saves digits.

TSSA's scores are sums over all T time steps of q and k. They are known T − 1 steps later than the first of them, and
its digits fire in each of T steps, those in which the bias line asks them to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dsf_export.folding import Affine, fold_linear
from dsf_export.group_synapses import GroupSynapses, straight_through
from dsf_export.mixings.folded_mixing import FoldedMixing
from dsf_export.mixings.mixing_lowering import MixingLowering
from dsf_export.neuron_groups import Groups
from dsf_export.program_graph import ABOVE_A_TIE, Indices, ProgramGraph
from dsf_export.quantise.exact_groups import LARGEST_COUNT
from dsf_models.configuration import ModelConfig
from dsf_models.mixings.attention import MapAttention, banded, merge_heads, split_heads
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import Spikes


def digits_of(largest: int) -> tuple[int, ...]:
    """Worths of digits, the highest first, that together are ``largest`` and in part every smaller number.

    A digit is worth half of what is left, rounded up: whoever has less, has no more than the others can say. There are
    as many as the number has bits.
    """
    worths = []
    while largest:
        worths.append(largest - largest // 2)
        largest //= 2
    return tuple(worths)


@dataclass(frozen=True, eq=False)
class FoldedScores(FoldedMixing):
    """``SN(gain Σ_{j<S} min(a_j, c) v_{i−j})``, a_j the score of i and i − j; q, k and v spikes of their own maps.

    Attributes
    ----------
    factors
        The maps of ``query``, ``key`` and ``value``, in this order.
    window
        S.
    heads
        They divide the channels.
    time_steps
        T.
    over_steps
        Whether a score is the sum of those of all time steps.
    limit
        c.
    gain
        The worth of a score of 1, in thresholds.
    """

    factors: dict[str, Affine]
    window: int
    heads: int
    time_steps: int
    over_steps: bool
    limit: int
    gain: float
    project: Affine

    @property
    def digits(self) -> tuple[int, ...]:
        """The digits' worths, the highest first."""
        return digits_of(self.limit)

    @property
    def _largest_score(self) -> int:
        """Without a limit."""
        return len(self.factors["query"].bias) // self.heads * (self.time_steps if self.over_steps else 1)

    def lower(self, graph: ProgramGraph, inputs: Sequence[str], prefix: str) -> str:
        """Match j·D + c, digit j·H + h and gate (m·S + j)·D + c are those of j tokens ago, channel c and head h."""
        query, key, value = (
            graph.add_layer(f"{prefix}.{factor}", inputs, affine) for factor, affine in self.factors.items()
        )
        size = len(self.factors["query"].bias)
        match = graph.add_and(f"{prefix}.match", self.window * size)
        pairs = np.arange(self.window * size, dtype=np.int32)
        channel, ago = pairs % size, pairs // size
        score = ago * self.heads + channel // (size // self.heads)
        graph.connect_listed(query, match, channel, pairs)
        graph.connect_listed(key, match, channel, pairs, ago=ago)
        digits = self._add_digits(graph, match, score, prefix)

        gate = graph.add_and(f"{prefix}.gate", len(digits) * len(pairs))
        output = graph.add_lif(f"{prefix}.output", size, ABOVE_A_TIE)
        for place, (digit, worth) in enumerate(zip(digits, self.digits, strict=True)):
            gates = place * len(pairs) + pairs
            graph.connect_listed(digit, gate, score, gates)
            graph.connect_listed(value, gate, channel, gates, ago=ago)
            graph.connect_listed(gate, output, gates, channel, _alike(self.gain * worth, len(pairs)))
        return output

    def _add_digits(self, graph: ProgramGraph, match: str, score: Indices, prefix: str) -> list[str]:
        size = self.window * self.heads
        asked = self._largest_score if self.over_steps else 0  # more than any sum that is not yet whole
        matches, scores = np.arange(len(score), dtype=np.int32), np.arange(size, dtype=np.int32)
        made: list[tuple[str, int]] = []
        for place, worth in enumerate(self.digits):
            digit = graph.add_counter(f"{prefix}.digit{place}", size, worth + asked)
            if self.over_steps:
                graph.connect_over_steps(match, digit, matches, score)
                graph.connect_bias(digit, _alike(asked, size))
            else:
                graph.connect_listed(match, digit, matches, score)
            for higher, taken in made:
                graph.connect_listed(higher, digit, scores, scores, _alike(-taken, size))
            made.append((digit, worth))
        return [digit for digit, _ in made]

    def synapses(self, inputs: int, prefix: str) -> dict[str, GroupSynapses]:
        size = len(self.factors["query"].bias)
        factors = {
            f"{prefix}.{factor}": GroupSynapses.of_layer(affine, inputs) for factor, affine in self.factors.items()
        }
        like = self.project.weight
        output = tuple(_alike(self.gain * worth, size, self.window).to(like) for worth in self.digits)
        return factors | {f"{prefix}.output": GroupSynapses(output)}

    def fire(self, inputs: Tensor, groups: Groups, prefix: str) -> Tensor:
        query, key, value = (groups.fire_layer(f"{prefix}.{factor}", inputs) for factor in self.factors)
        scores = self._scores(query, key, groups.layout).clamp(max=self.limit)
        values = split_heads(groups.layout.unpack(value), self.heads)

        def current(synapses: GroupSynapses) -> Tensor:
            worths = [weight[0, 0] for weight in synapses.weights]  # a digit's synapses are all alike
            exact = sum((digit * worth for digit, worth in zip(self._digits(scores), worths, strict=True)), 0 * scores)
            weighed = straight_through(scores * (sum(worths) / self.limit), exact)
            return groups.layout.pack(merge_heads(weighed @ values))

        return groups.fire(f"{prefix}.output", current)

    def gate_spikes(self, spikes: Spikes, layout: TokenLayout, prefix: str) -> dict[str, Tensor]:
        """Digits' spikes have the gradient of as many scores: with each, a score is a little more."""
        query, key, value = (spikes[f"{prefix}.{factor}"] for factor in self.factors)
        values = split_heads(layout.unpack(value), self.heads)
        scores = self._scores(query, key, layout)
        matches = scores.sum()
        digits = self._digits(scores.clamp(max=self.limit))
        gated = torch.stack([(digit @ values).sum() for digit in digits]).sum()
        repeats = self.time_steps if self.over_steps else 1
        counts = {f"{prefix}.digit{place}": digit.sum() * repeats for place, digit in enumerate(digits)}
        counts[f"{prefix}.gate"] = gated
        change = (matches - matches.detach()) / matches.detach().clamp_min(1)
        return {f"{prefix}.match": matches} | {name: count + count.detach() * change for name, count in counts.items()}

    def _scores(self, query: Tensor, key: Tensor, layout: TokenLayout) -> Tensor:
        """(T or 1, B, heads, K, K), without a limit."""
        q, k = (split_heads(layout.unpack(spikes), self.heads) for spikes in (query, key))
        scores = q @ k.transpose(-2, -1)
        return banded(scores.sum(0, keepdim=True) if self.over_steps else scores, self.window)

    def _digits(self, scores: Tensor) -> list[Tensor]:
        """0 or 1 for each score and digit, without gradient."""
        left, digits = scores.detach(), []
        for worth in self.digits:
            digits.append((left >= worth).to(left))
            left = left - worth * digits[-1]
        return digits


def _alike(weight: float, *shape: int) -> Tensor:
    return torch.full(shape, weight, dtype=torch.float64)


class ScoreLowering(MixingLowering[MapAttention]):
    """Attentions with a map of scores.

    Parameters
    ----------
    over_steps
        Whether a score is the sum of those of all time steps.
    scale
        Of the attention's current.
    """

    def __init__(self, over_steps: bool = False, scale: float = 1.0) -> None:
        self._over_steps = over_steps
        self._scale = scale

    def without_program(self, config: ModelConfig) -> str | None:
        largest = self._largest_score(config)
        most = LARGEST_COUNT // 2 if self._over_steps else LARGEST_COUNT
        if largest <= most:
            return None
        return (
            f"model.mixing={config.mixing} of {config.embedding_size // config.heads} channels a head has scores of as "
            f"much as {largest}, and Loihi's neurons count no further than {most}; train with a larger model.heads."
        )

    def fold(self, mixing: MapAttention, prefix: str, threshold: float) -> dict[str, FoldedMixing]:
        layers = {"query": mixing.query, "key": mixing.key, "value": mixing.value}
        config = mixing.config
        largest = self._largest_score(config)
        folded = FoldedScores(
            factors={name: fold_linear(layer, f"{prefix}.{name}", threshold) for name, layer in layers.items()},
            window=config.window,
            heads=config.heads,
            time_steps=config.time_steps,
            over_steps=self._over_steps,
            limit=min(config.score_limit or largest, largest),
            gain=self._scale / threshold,
            project=fold_linear(mixing.project, f"{prefix}.project", threshold),
        )
        return {prefix: folded}

    def _largest_score(self, config: ModelConfig) -> int:
        return config.embedding_size // config.heads * (config.time_steps if self._over_steps else 1)
