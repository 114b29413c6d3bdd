"""The input of the Decision Transformer and the Decision ConvFormer: three elements a token and its time step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dsf_models.configuration import ModelConfig

ELEMENTS = 3  # return-to-go, state, action


class TrajectoryEmbedding(nn.Module):
    """``LN(W_x x + b_x + e_n)`` of R̂_1, s_1, a_1, R̂_2, s_2, …, e_n a learned vector of the step n in the episode.

    A window's last action is not known yet and is zero; no action can depend on it, as nothing sees what follows it.
    """

    def __init__(self, config: ModelConfig, observation_size: int, action_size: int) -> None:
        super().__init__()
        size = config.embedding_size
        self.tells_actions = config.previous_action
        self.step = nn.Embedding(config.episode_steps, size)
        self.return_to_go = nn.Linear(1, size)
        self.state = nn.Linear(observation_size, size)
        self.action = nn.Linear(action_size, size)
        self.norm = nn.LayerNorm(size)

    def forward(
        self, states: Tensor, previous_actions: Tensor, returns_to_go: Tensor, mask: Tensor, steps: Tensor | None
    ) -> Tensor:
        """(B, 3K, D) of what :class:`PolicyNetwork` is given."""
        actions = torch.cat([previous_actions[:, 1:], torch.zeros_like(previous_actions[:, :1])], dim=1)
        actions = actions if self.tells_actions else torch.zeros_like(actions)
        steps = mask.cumsum(dim=1) - 1 if steps is None else steps
        time = self.step(steps.clamp(0, self.step.num_embeddings - 1))
        elements = torch.stack([self.return_to_go(returns_to_go), self.state(states), self.action(actions)], dim=2)
        embedded: Tensor = self.norm((elements + time[:, :, None]).flatten(1, 2))
        return embedded

    def macs(self, tokens: int) -> int:
        """Multiply-accumulates of the three Linears."""
        width = 1 + self.state.in_features + self.action.in_features
        return tokens * width * self.norm.normalized_shape[0]
