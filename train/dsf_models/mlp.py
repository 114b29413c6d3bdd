"""Behaviour cloning by a multi-layer perceptron: what the present state alone is worth."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from dsf_models.configuration import ModelConfig
from dsf_models.policy_network import PolicyNetwork, Spikes


class MlpPolicy(PolicyNetwork):
    """``a = tanh(W_h x_L + b_h)``, ``x_l = dropout(relu(W_l x_{l−1} + b_l))``, x_0 the state alone.

    `dsf_models.difference_mlp` adds to x_0.
    """

    def __init__(self, config: ModelConfig, observation_size: int, action_size: int) -> None:
        super().__init__(config, observation_size, action_size)
        widths = [self.inputs_of(observation_size), *[config.embedding_size] * config.blocks]
        hidden = [
            layer
            for inputs, outputs in pairwise(widths)
            for layer in (nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(config.dropout))
        ]
        self.layers = nn.Sequential(*hidden, nn.Linear(config.embedding_size, action_size), nn.Tanh())

    def inputs_of(self, observation_size: int) -> int:
        """Width of x_0."""
        return observation_size

    def given(self, states: Tensor, returns_to_go: Tensor, mask: Tensor) -> Tensor:
        """x_0 of every token, (B, K, width)."""
        return states

    @property
    def tokens_seen(self) -> int:
        """The present one."""
        return 1

    def forward(
        self,
        states: Tensor,
        previous_actions: Tensor,
        returns_to_go: Tensor,
        mask: Tensor,
        spikes: Spikes | None = None,
        steps: Tensor | None = None,
    ) -> Tensor:
        """See :class:`PolicyNetwork`."""
        actions: Tensor = self.layers(self.given(states, returns_to_go, mask)) * mask[..., None]
        return actions

    def macs(self, tokens: int) -> int:
        """See :class:`PolicyNetwork`."""
        return tokens * sum(layer.weight.numel() for layer in self.layers if isinstance(layer, nn.Linear))
