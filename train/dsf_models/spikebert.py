"""SpikeBERT (Lv et al., 2023; github.com/Lvchangze/SpikeBERT, commit f7fcb44): a Spikformer whose shortcuts add spikes.

It differs in this: a token sees itself and earlier ones (M below), where the published attention sees all of a text;
the head reads each token, where a text's tokens are averaged; a token's current is ``W_e [s; a_{i−1}; R̂] + b_e`` in the
place of a word's vector; a tanh bounds the action. There is no teacher, so the Linears that compare hidden layers with
one are left out.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from dsf_models.configuration import ModelConfig
from dsf_models.lif import Lif
from dsf_models.mixings.attention import banded, merge_heads, seen_spikes, split_heads
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import PolicyNetwork, Spikes
from dsf_models.surrogates import surrogate_gradient
from dsf_models.token_embedding import token_of, token_size

SCORE_SCALE = 0.125  # of queries and keys, whatever their width


class DrivenLif(nn.Module):
    """``U[t] = β U[t−1] (1 − S[t−1]) + (1 − β) X[t]``, ``S[t] = [U[t] ≥ V_th]``.

    It is the neuron of `dsf_models.lif` but for its input, which decays too, and for what it does at its threshold: an
    attention's sums are whole eighths, so they often reach V_th exactly.

    Parameters
    ----------
    share
        Its threshold, of ``model.threshold``.
    """

    def __init__(self, config: ModelConfig, share: float = 1.0) -> None:
        super().__init__()
        just_below = float(np.nextafter(np.float32(share * config.threshold), np.float32(0)))
        self.neuron = Lif(config.beta, just_below, surrogate_gradient(config))

    def forward(self, current: Tensor) -> Tensor:
        """Spikes of the shape of ``current``, (T, ...)."""
        spikes: Tensor = self.neuron(current * (1 - self.neuron.beta))
        return spikes


class LayerNormSpikes(nn.Module):
    """``SN(LN(W x + b))`` of sums of spikes x."""

    def __init__(self, inputs: int, outputs: int, config: ModelConfig) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.norm = nn.LayerNorm(outputs)
        self.neuron = DrivenLif(config)

    def forward(self, sums: Tensor) -> Tensor:
        """(T, tokens, inputs) -> (T, tokens, outputs) spikes."""
        spikes: Tensor = self.neuron(self.norm(self.linear(sums)))
        return spikes


class CausalSpikingAttention(nn.Module):
    """``SN(LN(W_o SN(c Σ_j M_ij (q_i · k_j) v_j)))`` a head and time step, M_ij = 1 for j ≤ i, c = ⅛.

    ``q, k, v = SN(LN(W x))``. The inner neurons have half the threshold.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size = config.embedding_size
        self.heads = config.heads
        self.query = LayerNormSpikes(size, size, config)
        self.key = LayerNormSpikes(size, size, config)
        self.value = LayerNormSpikes(size, size, config)
        self.neuron = DrivenLif(config, share=0.5)
        self.project = LayerNormSpikes(size, size, config)

    def forward(self, sums: Tensor, layout: TokenLayout, spikes: Spikes, prefix: str) -> Tensor:
        """(T, tokens, D) spikes from (T, tokens, D)."""
        layers = {"query": self.query(sums), "key": self.key(sums), "value": self.value(sums)}
        q, k, v = (split_heads(layout.unpack(layer), self.heads) for layer in layers.values())
        scores = visible(q @ k.transpose(-2, -1))
        output = self.neuron(SCORE_SCALE * layout.pack(merge_heads(scores @ v)))
        projected: Tensor = self.project(output)
        layers |= {"output": output, "project": projected}
        spikes |= {f"{prefix}.{name}": layer for name, layer in layers.items()}
        return projected


def visible(scores: Tensor) -> Tensor:
    """``M ⊙ scores``, (..., K, K)."""
    return banded(scores, scores.shape[-1])


class SpikeBertBlock(nn.Module):
    """``x ← x + attention(x)``;  ``x ← x + SN(LN(W_2 SN(LN(W_1 x))))``: x is a whole number, no spike."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size, hidden = config.embedding_size, config.mlp_ratio * config.embedding_size
        self.attention = CausalSpikingAttention(config)
        self.hidden = LayerNormSpikes(size, hidden, config)
        self.project = LayerNormSpikes(hidden, size, config)

    def forward(self, sums: Tensor, layout: TokenLayout, spikes: Spikes, name: str) -> Tensor:
        """(T, tokens, D) after this block."""
        sums = sums + self.attention(sums, layout, spikes, f"{name}.attention")
        hidden = self.hidden(sums)
        projected = self.project(hidden)
        spikes |= {f"{name}.mlp.hidden": hidden, f"{name}.mlp.project": projected}
        raised: Tensor = sums + projected
        return raised


class SpikeBert(PolicyNetwork):
    """``x[t] = Θ(W_e [s; a; R̂] + b_e)`` at all T time steps, L blocks, ``a = tanh(W_h mean_t LN(x) + b_h)``."""

    def __init__(self, config: ModelConfig, observation_size: int, action_size: int) -> None:
        super().__init__(config, observation_size, action_size)
        size = config.embedding_size
        self.embedding = nn.Linear(token_size(observation_size, action_size), size)
        self.embedding_neuron = Lif(0.0, 0.0, surrogate_gradient(config))
        self.blocks = nn.ModuleList(SpikeBertBlock(config) for _ in range(config.blocks))
        self.last_norm = nn.LayerNorm(size)
        self.head = nn.Linear(size, action_size)
        self.blocks.apply(_initialise)
        _initialise(self.head)

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
        token = layout.pack(token_of(self.config, states, previous_actions, returns_to_go))
        embedded = self.embedding_neuron(self.embedding(token)[None])
        sums = embedded.expand(self.config.time_steps, -1, -1)
        record["embedding"] = sums
        for index, block in enumerate(self.blocks):
            sums = block(sums, layout, record, f"block{index}")
        return layout.unpack(torch.tanh(self.head(self.last_norm(sums).mean(0))))

    def macs(self, tokens: int) -> int:
        """The embedding and the head; every other Linear adds a column a spike."""
        return tokens * (self.embedding.weight.numel() + self.head.weight.numel())

    def time_steps(self, tokens: int) -> int:
        """T a token."""
        return tokens * self.config.time_steps

    def window_synops(self, spikes: Spikes) -> dict[str, int]:
        """Additions by target layer; a whole number n at a Linear's input costs what n spikes do."""
        size, hidden = self.config.embedding_size, self.config.mlp_ratio * self.config.embedding_size
        counts = {name: int(layer.sum()) for name, layer in spikes.items()}
        arriving = counts["embedding"]
        synops: dict[str, int] = {}
        for index in range(self.config.blocks):
            attention, mlp = f"block{index}.attention", f"block{index}.mlp"
            synops |= {f"{attention}.{name}": arriving * size for name in ("query", "key", "value")}
            value = spikes[f"{attention}.value"]
            synops[f"{attention}.output"] = seen_spikes(value, value.shape[1])
            synops[f"{attention}.project"] = counts[f"{attention}.output"] * size
            arriving += counts[f"{attention}.project"]
            synops[f"{mlp}.hidden"] = arriving * hidden
            synops[f"{mlp}.project"] = counts[f"{mlp}.hidden"] * size
            arriving += counts[f"{mlp}.project"]
        return synops


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
