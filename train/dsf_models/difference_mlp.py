"""The multi-layer perceptron that is told how its observations change: what the past is worth without spikes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from dsf_models.mlp import MlpPolicy


class DifferenceMlpPolicy(MlpPolicy):
    """`dsf_models.mlp` of ``x_0 = [s_i; s_i − s_{i−1}; …; s_{i−S+2} − s_{i−S+1}; R̂_i]``.

    A difference to a token that does not exist is zero.
    """

    def inputs_of(self, observation_size: int) -> int:
        return self.config.window * observation_size + 1

    def given(self, states: Tensor, returns_to_go: Tensor, mask: Tensor) -> Tensor:
        both = (mask[:, 1:] & mask[:, :-1])[..., None]
        differences = pad(states.diff(dim=1) * both, (0, 0, 1, 0))  # a window's first token has no predecessor in it
        tokens = states.shape[1]
        ago = [pad(differences, (0, 0, back, 0))[:, :tokens] for back in range(self.config.window - 1)]
        return torch.cat([states, *ago, returns_to_go], dim=-1)

    @property
    def tokens_seen(self) -> int:
        """The last S."""
        return min(self.config.window, self.config.context)
