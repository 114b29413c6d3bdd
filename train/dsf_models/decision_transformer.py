"""The Decision Transformer (Chen et al., NeurIPS 2021), as its gym experiments configure it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dsf_models.configuration import ModelConfig
from dsf_models.policy_network import PolicyNetwork, Spikes
from dsf_models.trajectory_embedding import ELEMENTS, TrajectoryEmbedding


class DecisionTransformer(PolicyNetwork):
    """Causal self-attention over R̂_1, s_1, a_1, R̂_2, s_2, …; an action is read from its state's element.

    ``x ← x + W_o softmax(M + q kᵀ/√d) v``, q, k, v of LN(x);  ``x ← x + W_2 relu(W_1 LN(x))``;
    ``a_i = tanh(W_h LN(x_{s_i}) + b_h)``. Dropout is on the embedded input, the attention weights, and what either part
    adds to x. In PyTorch's layers; weights start as N(0, 0.02), as published.
    """

    def __init__(self, config: ModelConfig, observation_size: int, action_size: int) -> None:
        super().__init__(config, observation_size, action_size)
        size = config.embedding_size
        self.embedding = TrajectoryEmbedding(config, observation_size, action_size)
        self.dropout = nn.Dropout(config.dropout)
        block = nn.TransformerEncoderLayer(
            size, config.heads, config.mlp_ratio * size, config.dropout, "relu", batch_first=True, norm_first=True
        )
        block.dropout.p = 0.0  # PyTorch has one more, between the two Linears
        self.blocks = nn.TransformerEncoder(block, config.blocks, nn.LayerNorm(size), enable_nested_tensor=False)
        self.head = nn.Linear(size, action_size)
        self.blocks.apply(_initialise)

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
        embedded = self.dropout(self.embedding(states, previous_actions, returns_to_go, mask, steps))
        answers = self.blocks(embedded, mask=self._hidden(mask))
        actions = torch.tanh(self.head(answers[:, 1::ELEMENTS]))
        return actions * mask[..., None]

    def _hidden(self, mask: Tensor) -> Tensor:
        """(B · heads, 3K, 3K), True where an element may not look: later ones and padding, but always at itself."""
        real = mask.repeat_interleave(ELEMENTS, dim=1)
        itself = torch.eye(real.shape[1], dtype=torch.bool, device=mask.device)
        seen = real[:, None, :].expand(-1, real.shape[1], -1).tril() | itself
        return ~seen.repeat_interleave(self.config.heads, dim=0)

    def macs(self, tokens: int) -> int:
        """See :class:`PolicyNetwork`; attention over all pairs, as it is computed."""
        size, elements = self.config.embedding_size, ELEMENTS * tokens
        linear = (4 + 2 * self.config.mlp_ratio) * size**2 * elements
        attention = 2 * elements**2 * size
        head = tokens * size * self.action_size
        return self.embedding.macs(tokens) + self.config.blocks * (linear + attention) + head


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.MultiheadAttention):
        nn.init.normal_(module.in_proj_weight, std=0.02)
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
