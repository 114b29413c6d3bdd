"""The Decision SpikeFormer: tokens of (state, previous action, return-to-go) in, one action a token out.

Without token mixing the same is the spiking MLP, the baseline that knows the present token alone.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from dsf_models.configuration import ModelConfig
from dsf_models.lif import Lif
from dsf_models.mixings import make_mixing
from dsf_models.normalisation_choice import normalisation
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import PolicyNetwork, Spikes
from dsf_models.population import input_neurons
from dsf_models.spiking_layers import NormalisedLinear, SpikingLinear
from dsf_models.token_embedding import token_of, token_size


class Mlp(nn.Module):
    """``U + PTBN(W_2 SN(PTBN(W_1 SN(U))))``; the neurons of SN(U) are the block's."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        hidden = config.mlp_ratio * config.embedding_size
        self.hidden = SpikingLinear(config.embedding_size, hidden, config)
        self.project = NormalisedLinear(hidden, config.embedding_size, config)

    def forward(self, residual: Tensor, neuron: Lif, spikes: Spikes | None, prefix: str) -> Tensor:
        """The residual stream (T, tokens, D) with what is added to it."""
        inputs = neuron(residual)
        hidden = self.hidden(inputs)
        if spikes is not None:
            spikes |= {f"{prefix}.input": inputs, f"{prefix}.hidden": hidden}
        return self.project.onto(residual, hidden)


class Block(nn.Module):
    """Token mixing and MLP, each reading spikes of the residual current U and adding a current to it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention_neuron = input_neurons(config)
        self.levels = config.levels
        self.attention = make_mixing(config)
        self.mlp_neuron = Lif.of(config)
        self.mlp = Mlp(config)

    def forward(self, residual: Tensor, layout: TokenLayout, spikes: Spikes | None, name: str) -> Tensor:
        """The residual stream (T, tokens, D) after this block."""
        mixed = self.mix(residual, layout, spikes, f"{name}.attention")
        raised: Tensor = self.mlp(mixed, self.mlp_neuron, spikes, f"{name}.mlp")
        return raised

    def mix(self, residual: Tensor, layout: TokenLayout, spikes: Spikes | None, prefix: str) -> Tensor:
        """The residual stream (T, tokens, D) with what the token mixing of its spikes, SN(U), adds to it."""
        inputs = self.attention_neuron(residual)
        record: Spikes = {} if spikes is None else spikes
        record |= zip(input_names(prefix, self.levels), inputs.chunk(self.levels, dim=-1), strict=True)
        mixed: Tensor = self.attention(inputs, residual, layout, record, prefix)
        return mixed


def input_names(attention: str, levels: int) -> list[str]:
    """The names of a block's first layers, each of D neurons, in the order in which their spikes stand side by side."""
    return [f"{attention}.input"] if levels == 1 else [f"{attention}.level{level}.input" for level in range(levels)]


class MlpBlock(nn.Module):
    """A block of the spiking MLP: a DSFormer's without token mixing."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.mlp_neuron = Lif.of(config)
        self.mlp = Mlp(config)

    def forward(self, residual: Tensor, layout: TokenLayout, spikes: Spikes | None, name: str) -> Tensor:
        """The residual stream (T, tokens, D) after this block."""
        raised: Tensor = self.mlp(residual, self.mlp_neuron, spikes, f"{name}.mlp")
        return raised


class DSFormer(PolicyNetwork):
    """A Decision SpikeFormer (CVPR 2025) with a choice of token mixing, or with none: the spiking MLP.

    Parameters
    ----------
    config
        Dimensions, neurons and token mixing.
    observation_size, action_size
        The environment's widths.
    """

    def __init__(self, config: ModelConfig, observation_size: int, action_size: int) -> None:
        super().__init__(config, observation_size, action_size)
        size = config.embedding_size
        self.embedding = nn.Linear(token_size(observation_size, action_size), size)
        self.embedding_norm = nn.LayerNorm(size)
        block = Block if config.kind.has_token_mixing else MlpBlock
        self.blocks = nn.ModuleList(block(config) for _ in range(config.blocks))
        self.last_norm = normalisation(size, config)
        self.head = nn.Linear(size, action_size)
        self.layout_of: type[TokenLayout] = TokenLayout  # a batch's; a compiled step keeps padding
        self.apply(_initialise_linear)
        if not config.previous_action:  # zero in the weights too, for who computes the token's current from them
            with torch.no_grad():
                self.embedding.weight[:, observation_size : observation_size + action_size] = 0

    @property
    def tokens_seen(self) -> int:
        """How many of the latest tokens a decision has to be given."""
        return self.config.context if self.config.kind.has_token_mixing else 1

    def encode(self, states: Tensor, previous_actions: Tensor, returns_to_go: Tensor) -> Tensor:
        """The token current ``LN(W_e [s; a; R̂] + b_e)``, (..., D): the part that stays with the host."""
        tokens = token_of(self.config, states, previous_actions, returns_to_go)
        current: Tensor = self.embedding_norm(self.embedding(tokens))
        return current

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
        layout = self.layout_of(mask)
        current = layout.pack(self.encode(states, previous_actions, returns_to_go))
        residual = current.expand(self.config.time_steps, *current.shape)
        for index, block in enumerate(self.blocks):
            residual = block(residual, layout, spikes, f"block{index}")
        return layout.unpack(torch.tanh(self.head(self.last_norm(residual).mean(0))))

    def macs(self, tokens: int) -> int:
        """The embedding and the head, which stay with the host."""
        return tokens * (self.embedding.weight.numel() + self.head.weight.numel())

    def time_steps(self, tokens: int) -> int:
        """T a token."""
        return tokens * self.config.time_steps

    def window_synops(self, spikes: Spikes) -> dict[str, int]:
        """See :class:`PolicyNetwork`; what a token mixing costs besides its Linears is counted in its own file."""
        counts = {name: int(layer.sum()) for name, layer in spikes.items()}
        synops: dict[str, int] = {}
        for index, block in enumerate(cast(list[Block | MlpBlock], list(self.blocks))):
            attention, mlp = f"block{index}.attention", f"block{index}.mlp"
            if isinstance(block, Block):
                inputs = sum(counts[name] for name in input_names(attention, block.levels))
                synops |= block.attention.window_synops(spikes, inputs, attention)
            synops[f"{mlp}.hidden"] = counts[f"{mlp}.input"] * block.mlp.hidden.linear.out_features
            synops[f"{mlp}.project"] = counts[f"{mlp}.hidden"] * block.mlp.project.linear.out_features
        return synops


def _initialise_linear(module: nn.Module) -> None:
    """The published initialisation: N(0, 0.02) weights and zero biases."""
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
