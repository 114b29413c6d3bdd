"""The token that networks with one element an environment step embed: state, previous action, return-to-go."""

from __future__ import annotations

import torch
from torch import Tensor

from dsf_models.configuration import ModelConfig


def token_of(config: ModelConfig, states: Tensor, previous_actions: Tensor, returns_to_go: Tensor) -> Tensor:
    """``[s_i; a_{i−1}; R̂_i]``, (..., token_size); without ``model.previous_action`` the action is zero."""
    told = previous_actions if config.previous_action else torch.zeros_like(previous_actions)
    return torch.cat([states, told, returns_to_go], dim=-1)


def token_size(observation_size: int, action_size: int) -> int:
    """Width of a token."""
    return observation_size + action_size + 1
