"""The Decision ConvFormer (Kim et al., ICLR 2024): what PSSA sees, in real numbers, by a convolution over tokens."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pad

from dsf_models.configuration import ModelConfig
from dsf_models.policy_network import PolicyNetwork, Spikes
from dsf_models.trajectory_embedding import ELEMENTS, TrajectoryEmbedding


class LocalFilter(nn.Module):
    """``y_i = Σ_{j<S} w_j ⊙ x_{i−j} + b`` over elements, w and b of the sort of i: return-to-go, state or action."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size = config.embedding_size
        self.window = config.window
        self.filters = nn.ModuleList(
            nn.Conv1d(size, size, config.window, stride=ELEMENTS, groups=size) for _ in range(ELEMENTS)
        )

    def forward(self, elements: Tensor) -> Tensor:
        """(B, 3K, D) from (B, 3K, D)."""
        filters = cast(list[nn.Conv1d], list(self.filters))
        tokens = elements.shape[1] // ELEMENTS
        weights = torch.stack([each.weight[:, 0].T for each in filters], dim=1).repeat(1, tokens, 1)  # (S, 3K, D)
        total = torch.stack([cast(Tensor, each.bias) for each in filters]).repeat(tokens, 1)
        padded = pad(elements, (0, 0, self.window - 1, 0))
        for place, weight in enumerate(weights):  # grouped convolutions take several times as long on a CPU
            total = total + weight * padded[:, place : place + elements.shape[1]]
        return total


class ConvBlock(nn.Module):
    """``x ← x + filter(LN(x))``;  ``x ← x + W_2 gelu(W_1 LN(x))``, with dropout on what is added."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size, hidden = config.embedding_size, config.mlp_ratio * config.embedding_size
        self.filter_norm = nn.LayerNorm(size)
        self.filter = LocalFilter(config)
        self.mlp_norm = nn.LayerNorm(size)
        self.hidden = nn.Linear(size, hidden)
        self.project = nn.Linear(hidden, size)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, elements: Tensor, real: Tensor) -> Tensor:
        """(B, 3K, D) from (B, 3K, D); ``real`` (B, 3K, 1) is 0 for padding, which the filter sees as zeros."""
        elements = elements + self.dropout(self.filter(self.filter_norm(elements) * real))
        added: Tensor = self.dropout(self.project(gelu(self.hidden(self.mlp_norm(elements)))))
        return elements + added


class DecisionConvFormer(PolicyNetwork):
    """A Decision Transformer with a local filter in the place of attention.

    Padding is zero to the filters, as what lies before a window is, so a short window is a padded one.
    """

    def __init__(self, config: ModelConfig, observation_size: int, action_size: int) -> None:
        super().__init__(config, observation_size, action_size)
        size = config.embedding_size
        self.embedding = TrajectoryEmbedding(config, observation_size, action_size)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(ConvBlock(config) for _ in range(config.blocks))
        self.last_norm = nn.LayerNorm(size)
        self.head = nn.Linear(size, action_size)

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
        elements = self.dropout(self.embedding(states, previous_actions, returns_to_go, mask, steps))
        real = mask.repeat_interleave(ELEMENTS, dim=1)[..., None].to(elements)
        for block in self.blocks:
            elements = block(elements, real)
        actions = torch.tanh(self.head(self.last_norm(elements[:, 1::ELEMENTS])))
        return actions * mask[..., None]

    def macs(self, tokens: int) -> int:
        """See :class:`PolicyNetwork`."""
        size = self.config.embedding_size
        block = ELEMENTS * tokens * size * (self.config.window + 2 * self.config.mlp_ratio * size)
        return self.embedding.macs(tokens) + self.config.blocks * block + tokens * size * self.action_size
