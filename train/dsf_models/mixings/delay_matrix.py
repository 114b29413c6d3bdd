"""Delayed synapses, a free matrix a delay."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from dsf_common.errors import UserError
from dsf_models.configuration import ModelConfig
from dsf_models.lif import Lif
from dsf_models.mixings.carried_membranes import fire_in_turn
from dsf_models.mixings.delayed_synapses import DelayedSynapses
from dsf_models.mixings.past import sum_of_past
from dsf_models.mixings.registry import register_mixing
from dsf_models.normalisation_choice import normalisation
from dsf_models.padding import TokenLayout
from dsf_models.spiking_layers import NormalisedLinear, SpikeLinear


@register_mixing("delay-matrix")
class DelayMatrixMixing(DelayedSynapses):
    """Delayed synapses with a free matrix a delay: ``y_i = SN(PTBN(Σ_{j<S} (W_j s_{i−j} + b_j)))``.

    The sum is over tokens that exist. `delay` gives each neuron one combination of channels and weighs it by distance;
    here a neuron combines other channels at each distance, so that "was there, is here now" is one neuron's answer.
    There are ``mixing_ratio`` D such neurons: what they compare is fine, and each of them answers yes or no.

    With ``mixing_rank`` R, ``W_j = A_j B``: all distances look at the same R sums of channels, B (R, D), which are no
    neurons. With ``carry_membranes`` SN does not start anew with each token (`dsf_models.mixings.carried_membranes`).
    """

    settings: ClassVar[frozenset[str]] = frozenset({"mixing_rank", "carry_membranes"})

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        size, inputs = config.embedding_size, config.mixing_inputs
        width = config.mixing_ratio * size
        self.window = config.window
        self.carries = config.carry_membranes
        self.shared = shared_factor(config.mixing_rank, inputs) if config.mixing_rank else None  # B
        outputs = config.window * width  # W_0 or A_0, b_0, W_1, …
        self.linear = nn.Linear(config.mixing_rank, outputs) if config.mixing_rank else SpikeLinear(inputs, outputs)
        self.norm = normalisation(width, config)
        self.neuron = Lif.of(config)
        self.project = NormalisedLinear(width, size, config)

    @classmethod
    def check(cls, config: ModelConfig) -> None:
        if not 0 <= config.mixing_rank <= config.embedding_size:
            raise UserError(
                f"model.mixing_rank={config.mixing_rank} must be from 1 to "
                f"model.embedding_size={config.embedding_size}, or 0 for free matrices."
            )

    @classmethod
    def reads(cls, config: ModelConfig) -> frozenset[str]:
        return frozenset({"mixing_ratio"})

    @classmethod
    def without_stream(cls, config: ModelConfig) -> str | None:
        if not config.carry_membranes:
            return None
        return (
            "model.carry_membranes=true lets a token find what all tokens before it left in the membranes, however "
            "long ago, so the streamed answer would differ from the window's; leave it out"
        )

    def fire(self, inputs: Tensor, layout: TokenLayout) -> Tensor:
        terms = layout.unpack(self._terms(inputs)).chunk(self.window, dim=-1)
        current = self.norm(layout.pack(sum_of_past(terms)))
        output: Tensor = fire_in_turn(self.neuron, current, layout) if self.carries else self.neuron(current)
        return output

    def present_bias(self) -> Tensor:
        """b_0, since a token's own distance 0 is always there."""
        return self.linear.bias[: self.project.linear.in_features]

    def _terms(self, inputs: Tensor) -> Tensor:
        """``W_j s + b_j`` of every distance j, side by side, (T, tokens, S width)."""
        terms: Tensor = self.linear(inputs if self.shared is None else inputs @ self.shared.T)
        return terms


def shared_factor(rank: int, inputs: int) -> nn.Parameter:
    """B (rank, inputs), of a deviation at the start with which A B has A's."""
    return nn.Parameter(torch.randn(rank, inputs) / rank**0.5)
