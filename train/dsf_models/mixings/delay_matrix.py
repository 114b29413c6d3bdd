"""Delayed synapses, a free matrix a delay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from dsf_models.carried import fire_in_turn
from dsf_models.configuration import ModelConfig
from dsf_models.lif import Lif
from dsf_models.mixings.past import sum_of_past
from dsf_models.normalisation_choice import normalisation
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import Spikes
from dsf_models.spiking_layers import NormalisedLinear, linear

if TYPE_CHECKING:
    pass


class DelayMatrixMixing(nn.Module):
    """Delayed synapses with a free matrix a delay: ``y_i = SN(PTBN(Σ_{j<S} (W_j s_{i−j} + b_j)))``.

    The sum is over tokens that exist. `delay` gives each neuron one combination of channels and weighs it by distance;
    here a neuron combines other channels at each distance, so that "was there, is here now" is one neuron's answer.
    There are ``mixing_ratio`` D such neurons: what they compare is fine, and each of them answers yes or no.

    With ``mixing_rank`` R, ``W_j = A_j B``: all distances look at the same R sums of channels, B (R, D), which are no
    neurons. With ``carry_membranes`` SN does not start anew with each token (`dsf_models.carried`).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size, width, inputs = config.embedding_size, config.mixing_width, config.mixing_inputs
        self.window = config.window
        self.carries = config.carry_membranes
        self.shared = shared_factor(config.mixing_rank, inputs) if config.mixing_rank else None  # B
        self.linear = nn.Linear(config.mixing_rank or inputs, config.window * width)  # W_0 or A_0, b_0, W_1, …
        self.norm = normalisation(width, config)
        self.neuron = Lif(config.beta, config.threshold)
        self.project = NormalisedLinear(width, size, config)

    def forward(self, inputs: Tensor, residual: Tensor, layout: TokenLayout, spikes: Spikes, prefix: str) -> Tensor:
        """The residual stream (T, tokens, D) with what the spikes ``inputs`` add to it."""
        terms = layout.unpack(self._terms(inputs)).chunk(self.window, dim=-1)
        current = self.norm(layout.pack(sum_of_past(terms)))
        output = fire_in_turn(self.neuron, current, layout) if self.carries else self.neuron(current)
        spikes[f"{prefix}.output"] = output
        return self.project.onto(residual, output)

    def _terms(self, inputs: Tensor) -> Tensor:
        """``W_j s + b_j`` of every distance j, side by side, (T, tokens, S width)."""
        if self.shared is None:
            return linear(self.linear, inputs)
        terms: Tensor = self.linear(inputs @ self.shared.T)  # of sums, which are no spikes
        return terms


def shared_factor(rank: int, inputs: int) -> nn.Parameter:
    """B (rank, inputs), of a deviation at the start with which A B has A's."""
    return nn.Parameter(torch.randn(rank, inputs) / rank**0.5)
