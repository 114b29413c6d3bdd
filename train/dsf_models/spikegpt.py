"""SpikeGPT (Zhu et al., TMLR 2024; github.com/ridgerchu/SpikeGPT, commit 029f86f): RWKV whose blocks add spikes.

A neuron's time steps are the tokens. It is causal as published. It differs in this: a token's current is
``W_e [s; a_{i−1}; R̂] + b_e`` in the place of a word's vector; a tanh bounds the action; the reset carries no gradient,
as in all networks here; a neuron fires above its threshold and not at it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from dsf_models.configuration import ModelConfig
from dsf_models.lif import Lif
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import PolicyNetwork, Spikes
from dsf_models.recurrent_policy import RecurrentPolicy
from dsf_models.surrogates import surrogate_gradient
from dsf_models.token_embedding import token_of, token_size

NOTHING = -1e30  # the exponent of what weighs nothing; finite, so that differences are


@dataclass(frozen=True)
class BlockState:
    """A block's memory in a stream, (lanes, D) each.

    Attributes
    ----------
    attention_input, mlp_input
        The LayerNorms' outputs of the latest token, which token shifts read.
    numerator, denominator, exponent
        WKV's sums over the past, both divided by e to the ``exponent``.
    attention_membrane, mlp_membrane
        The neurons' membranes after the latest token, zero where they fired.
    """

    attention_input: Tensor
    mlp_input: Tensor
    numerator: Tensor
    denominator: Tensor
    exponent: Tensor
    attention_membrane: Tensor
    mlp_membrane: Tensor


class TokenShift(nn.Module):
    """``μ ⊙ x_i + (1 − μ) ⊙ x_{i−1}``, μ learned a channel."""

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.share = nn.Parameter(start)

    def forward(self, newest: Tensor, before: Tensor) -> Tensor:
        """(..., D) of x_i and x_{i−1}."""
        return newest * self.share + before * (1 - self.share)


class TimeMix(nn.Module):
    r"""RWKV's token mixing: ``W_o (σ(W_r x^r) ⊙ WKV(W_k x^k, W_v x^v))``, x^r, x^k, x^v token shifts of x.

    ``WKV_i = (Σ_{j<i} e^{k_j − (i−1−j) e^w} v_j + e^{k_i + u} v_i) / (the same sum without v)``, w and u learned a
    channel. Both start as RWKV's do: slow and fast channels in an order, u in a zigzag.
    """

    def __init__(self, config: ModelConfig, block: int) -> None:
        super().__init__()
        size = config.embedding_size
        later, earlier = block / max(config.blocks - 1, 1), 1 - block / config.blocks
        place = torch.arange(size)
        ramp = place / size
        decay = -5 + 8 * (place / max(size - 1, 1)) ** (0.7 + 1.3 * later)
        self.decay = nn.Parameter(decay)  # w
        self.first = nn.Parameter(math.log(0.3) + 0.5 * ((place + 1) % 3 - 1))  # u
        self.key_shift = TokenShift(ramp**earlier)
        self.value_shift = TokenShift(ramp**earlier + 0.3 * later)
        self.receptance_shift = TokenShift(ramp ** (0.5 * earlier))
        self.key = nn.Linear(size, size, bias=False)
        self.value = nn.Linear(size, size, bias=False)
        self.receptance = nn.Linear(size, size, bias=False)
        self.output = nn.Linear(size, size, bias=False)

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """(B, N, D) from (B, N, D), in which padding is zero."""
        key, value, gate = self._factors(inputs, before(inputs))
        key = key.masked_fill(~mask[..., None], NOTHING)
        places = torch.arange(inputs.shape[1], device=inputs.device)
        ago = (places[:, None] - places)[..., None]  # (N, N, 1)
        weight = torch.where(ago == 0, self.first, (1 - ago) * self.decay.exp())
        exponents = (key[:, None] + weight).masked_fill(ago < 0, -math.inf)  # (B, N, N, D)
        mixed = (exponents.softmax(dim=2) * value[:, None]).sum(2)
        answer: Tensor = self.output(gate * mixed)
        return answer

    def step(self, newest: Tensor, state: BlockState) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        """The newest token's answer, (lanes, D), and the sums after it."""
        key, value, gate = self._factors(newest, state.attention_input)
        past, now = common_exponent(state.exponent, key + self.first)
        mixed = (past * state.numerator + now * value) / (past * state.denominator + now)
        decayed = state.exponent - self.decay.exp()
        past, now = common_exponent(decayed, key)
        sums = (past * state.numerator + now * value, past * state.denominator + now, torch.maximum(decayed, key))
        return self.output(gate * mixed), sums

    def _factors(self, newest: Tensor, previous: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        key = self.key(self.key_shift(newest, previous))
        value = self.value(self.value_shift(newest, previous))
        return key, value, torch.sigmoid(self.receptance(self.receptance_shift(newest, previous)))


class ChannelMix(nn.Module):
    """``σ(W_r x^r) ⊙ W_v relu(W_k x^k)²``, x^r and x^k token shifts of x."""

    def __init__(self, config: ModelConfig, block: int) -> None:
        super().__init__()
        size, hidden = config.embedding_size, config.mlp_ratio * config.embedding_size
        start = (torch.arange(size) / size) ** (1 - block / config.blocks)
        self.key_shift, self.receptance_shift = TokenShift(start), TokenShift(start.clone())
        self.key = nn.Linear(size, hidden, bias=False)
        self.value = nn.Linear(hidden, size, bias=False)
        self.receptance = nn.Linear(size, size, bias=False)

    def forward(self, newest: Tensor, previous: Tensor) -> Tensor:
        """(..., D) from x_i and x_{i−1}."""
        hidden = torch.relu(self.key(self.key_shift(newest, previous))).square()
        answer: Tensor = torch.sigmoid(self.receptance(self.receptance_shift(newest, previous))) * self.value(hidden)
        return answer


class TokenNeurons(nn.Module):
    """Neurons that go on from token to token, ``U_i = β U_{i−1} (1 − S_{i−1}) + (1 − β) X_i``; at rest in padding."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.neuron = Lif(config.beta, config.threshold, surrogate_gradient(config))

    def forward(self, current: Tensor, mask: Tensor) -> Tensor:
        """Spikes (B, N, D)."""
        driven = current.masked_fill(~mask[..., None], 0.0) * (1 - self.neuron.beta)
        spikes: Tensor = self.neuron(driven.transpose(0, 1).contiguous()).transpose(0, 1)
        return spikes

    def step(self, current: Tensor, membrane: Tensor) -> tuple[Tensor, Tensor]:
        """Spikes of the newest token, (lanes, D), and the membranes after them."""
        risen = self.neuron.beta * membrane + (1 - self.neuron.beta) * current
        spikes = (risen > self.neuron.threshold).to(risen)
        return spikes, risen * (1 - spikes)


class SpikeGptBlock(nn.Module):
    """``x ← x + SN(TimeMix(LN(x)))``;  ``x ← dropout(x + SN(ChannelMix(LN(x))))``."""

    def __init__(self, config: ModelConfig, block: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.embedding_size)
        self.attention = TimeMix(config, block)
        self.attention_neurons = TokenNeurons(config)
        self.mlp_norm = nn.LayerNorm(config.embedding_size)
        self.mlp = ChannelMix(config, block)
        self.mlp_neurons = TokenNeurons(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, residual: Tensor, layout: TokenLayout, spikes: Spikes, name: str) -> Tensor:
        """The residual stream (B, N, D) after this block."""
        mask = layout.mask
        real = mask[..., None].to(residual)
        mixed = self.attention_neurons(self.attention(self.attention_norm(residual) * real, mask), mask)
        residual = residual + mixed
        inputs = self.mlp_norm(residual) * real
        raised = self.mlp_neurons(self.mlp(inputs, before(inputs)), mask)
        spikes |= {
            f"{name}.attention.output": layout.pack(mixed[None]),
            f"{name}.mlp.output": layout.pack(raised[None]),
        }
        answer: Tensor = self.dropout(residual + raised)
        return answer

    def start(self, lanes: int) -> BlockState:
        """The state before the first token."""
        blank = self.attention.decay.new_zeros(lanes, len(self.attention.decay))
        return BlockState(blank, blank, blank, blank, torch.full_like(blank, NOTHING), blank, blank)

    def step(self, residual: Tensor, state: BlockState) -> tuple[Tensor, BlockState]:
        """The residual stream (lanes, D) of the newest token after this block."""
        attention_input = self.attention_norm(residual)
        current, sums = self.attention.step(attention_input, state)
        mixed, attention_membrane = self.attention_neurons.step(current, state.attention_membrane)
        residual = residual + mixed
        mlp_input = self.mlp_norm(residual)
        raised, mlp_membrane = self.mlp_neurons.step(self.mlp(mlp_input, state.mlp_input), state.mlp_membrane)
        return residual + raised, BlockState(attention_input, mlp_input, *sums, attention_membrane, mlp_membrane)


class SpikeGpt(PolicyNetwork, RecurrentPolicy[tuple[BlockState, ...]]):
    """``x = LN(Θ(W_e [s; a; R̂] + b_e))``, L :class:`SpikeGptBlock`, ``a = tanh(W_h LN(x))``."""

    def __init__(self, config: ModelConfig, observation_size: int, action_size: int) -> None:
        super().__init__(config, observation_size, action_size)
        size = config.embedding_size
        self.embedding = nn.Linear(token_size(observation_size, action_size), size)
        self.embedding_neuron = Lif(0.0, 0.0, surrogate_gradient(config))
        self.embedding_norm = nn.LayerNorm(size)
        self.blocks = nn.ModuleList(SpikeGptBlock(config, block) for block in range(config.blocks))
        self.last_norm = nn.LayerNorm(size)
        self.head = nn.Linear(size, action_size, bias=False)

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
        layout, record = TokenLayout(mask), {} if spikes is None else spikes
        embedded = self._embedded(token_of(self.config, states, previous_actions, returns_to_go))
        record["embedding"] = layout.pack(embedded[None])
        residual = self.embedding_norm(embedded)
        for index, block in enumerate(self.blocks):
            residual = block(residual, layout, record, f"block{index}")
        return self._actions(residual) * mask[..., None]

    def start(self, lanes: int) -> tuple[BlockState, ...]:
        return tuple(block.start(lanes) for block in self._blocks())

    def step(self, token: Tensor, state: tuple[BlockState, ...]) -> tuple[Tensor, tuple[BlockState, ...]]:
        residual, after = self.embedding_norm(self._embedded(token)), []
        for block, past in zip(self._blocks(), state, strict=True):
            residual, kept = block.step(residual, past)
            after.append(kept)
        return self._actions(residual), tuple(after)

    def macs(self, tokens: int) -> int:
        """All Linears, as their inputs are LayerNorms' outputs and no spikes, and WKV over all pairs of tokens."""
        size, ratio = self.config.embedding_size, self.config.mlp_ratio
        block = tokens * (5 + 2 * ratio) * size**2 + tokens**2 * size
        ends = self.embedding.weight.numel() + self.head.weight.numel()
        return tokens * ends + self.config.blocks * block

    def time_steps(self, tokens: int) -> int:
        """One a token."""
        return tokens

    def window_synops(self, spikes: Spikes) -> dict[str, int]:
        """Each spike adds 1 to the residual stream and crosses no synapse: LayerNorm makes real numbers of the sum."""
        return {name: int(layer.sum()) for name, layer in spikes.items()}

    def _embedded(self, tokens: Tensor) -> Tensor:
        spikes: Tensor = self.embedding_neuron(self.embedding(tokens)[None])[0]
        return spikes

    def _actions(self, residual: Tensor) -> Tensor:
        return torch.tanh(self.head(self.last_norm(residual)))

    def _blocks(self) -> Iterator[SpikeGptBlock]:
        return iter(cast(list[SpikeGptBlock], list(self.blocks)))


def before(inputs: Tensor) -> Tensor:
    """x_{i−1} of each token of windows (B, N, D), zero for the first."""
    return pad(inputs, (0, 0, 1, -1))


def common_exponent(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """``e^left`` and ``e^right``, both divided by the larger one."""
    largest = torch.maximum(left, right)
    return (left - largest).exp(), (right - largest).exp()
