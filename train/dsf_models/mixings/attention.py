"""Attentions of spikes: queries, keys and values, a spiking sum of them, and a projection."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from torch import Tensor

from dsf_common.errors import UserError
from dsf_models.biased_layer import BiasedLayer, layer_biases
from dsf_models.configuration import ModelConfig
from dsf_models.lif import Lif
from dsf_models.mixings.token_mixing import TokenMixing, spike_count
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import Spikes
from dsf_models.spiking_layers import NormalisedLinear, SpikingLinear

FACTORS = ("query", "key", "value")
NO_LAYERS: Mapping[str, Tensor] = MappingProxyType({})


class Attention(TokenMixing):
    """``U + PTBN(W_o SN(A(q, k, v)))`` with ``q, k, v = SN(PTBN(W s))``; each attention has its own A."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        size, inputs = config.embedding_size, config.mixing_inputs
        self.query = SpikingLinear(inputs, size, config)
        self.key = SpikingLinear(inputs, size, config)
        self.value = SpikingLinear(inputs, size, config)
        self.neuron = Lif.of(config)
        self.project = NormalisedLinear(size, size, config)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, layout: TokenLayout) -> Tensor:
        """The current A(q, k, v), (T, tokens, D), from spikes of that shape."""
        raise NotImplementedError

    @abstractmethod
    def attention_synops(self, query: Tensor, key: Tensor, value: Tensor) -> int:
        """Accumulates of A(q, k, v) over one window, from spikes (T, tokens, D)."""

    @abstractmethod
    def factor_rate(self, rate: float) -> float:
        """The rate of queries, keys and values with which the attention itself fires as often as ``rate``."""

    def fire(self, query: Tensor, key: Tensor, value: Tensor, layout: TokenLayout, inner: Spikes) -> Tensor:
        """The spikes ``SN(A(q, k, v))``, (T, tokens, D), from spikes of that shape.

        ``inner`` receives those of layers between q, k, v and these, by the last part of their names.
        """
        output: Tensor = self.neuron(self.attend(query, key, value, layout))
        return output

    def forward(self, inputs: Tensor, residual: Tensor, layout: TokenLayout, spikes: Spikes, prefix: str) -> Tensor:
        query, key, value = self.query(inputs), self.key(inputs), self.value(inputs)
        inner: Spikes = {}
        output = self.fire(query, key, value, layout, inner)
        record_attention(spikes, prefix, (query, key, value), output, inner)
        return self.project.onto(residual, output)

    def biased_layers(self, rate: float, prefix: str) -> Iterator[BiasedLayer]:
        """Queries, keys and values; the attention has no bias and fires by them."""
        for name, layer in zip(FACTORS, (self.query, self.key, self.value), strict=True):
            yield BiasedLayer(f"{prefix}.{name}", layer_biases(layer), self.factor_rate(rate))

    def projection_biases(self) -> list[Tensor]:
        return layer_biases(self.project)

    def window_synops(self, spikes: Spikes, inputs: int, prefix: str) -> dict[str, int]:
        size = self.config.embedding_size
        factors = [spikes[f"{prefix}.{name}"] for name in FACTORS]
        return {
            **{f"{prefix}.{name}": inputs * size for name in FACTORS},
            f"{prefix}.output": self.attention_synops(*factors),
            f"{prefix}.project": spike_count(spikes[f"{prefix}.output"]) * size,
        }


class MapAttention(Attention):
    """Attentions with a map of integer scores, ``a_ij`` by head, from each token i to each of its last S tokens j.

    ``A(q, k, v)_i = Σ_{i−S<j≤i} min(a_ij, c) v_j``; heads divide the channels. A window of S = K tokens leaves nothing
    out, as published. c is ``model.score_limit``, 0 for none: a chip counts scores in bits, and small ones take
    few.

    The map's sums over channels fire by themselves, so that queries, keys and values need no higher rate.
    """

    settings = frozenset({"score_limit"})

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.heads = config.heads

    @classmethod
    def reads(cls, config: ModelConfig) -> frozenset[str]:
        return frozenset({"heads"})

    @classmethod
    def check(cls, config: ModelConfig) -> None:
        if config.score_limit < 0:
            raise UserError(f"model.score_limit={config.score_limit} must be positive, or 0 for no limit.")

    @abstractmethod
    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """``a_ij`` without a limit, (T or 1, B, heads, K, K), from spikes (T, B, heads, K, D / heads)."""

    def attend(self, query: Tensor, key: Tensor, value: Tensor, layout: TokenLayout) -> Tensor:
        q, k, v = (split_heads(layout.unpack(spikes), self.heads) for spikes in (query, key, value))
        scores = self.scores(q, k)
        if self.config.score_limit:
            scores = scores.clamp(max=self.config.score_limit)
        return layout.pack(merge_heads(banded(scores, self.config.window) @ v))

    def factor_rate(self, rate: float) -> float:
        return rate

    def attention_synops(self, query: Tensor, key: Tensor, value: Tensor) -> int:
        """Each spike of v reaches the tokens that look back on it, as the paper counts."""
        return seen_spikes(value, self.config.window)


def split_heads(windows: Tensor, heads: int) -> Tensor:
    """(T, B, K, D) -> (T, B, heads, K, D / heads)."""
    return windows.view(*windows.shape[:3], heads, -1).transpose(2, 3)


def merge_heads(windows: Tensor) -> Tensor:
    """(T, B, heads, K, D / heads) -> (T, B, K, D)."""
    return windows.transpose(2, 3).flatten(3)


def banded(scores: Tensor, window: int) -> Tensor:
    """Scores (…, K, K) of token i and j, 0 but where ``0 ≤ i − j < window``."""
    causal = scores.tril()
    return causal if window >= scores.shape[-1] else causal.triu(1 - window)


def record_attention(
    spikes: Spikes,
    prefix: str,
    factors: Sequence[Tensor],
    output: Tensor,
    inner: Mapping[str, Tensor] = NO_LAYERS,
) -> None:
    """Record ``factors``, which are q, k and v, the layers between, and the attention's own spikes."""
    layers = {**dict(zip(FACTORS, factors, strict=True)), **inner, "output": output}
    spikes |= {f"{prefix}.{name}": layer for name, layer in layers.items()}


def added_and_taken_away(terms: Tensor, window: int) -> int:
    """Additions to running sums of the last ``window`` terms, (T, tokens, ·): what leaves is taken away by another."""
    leaving = max(terms.shape[1] - window, 0)
    return int(terms.sum() + terms[:, :leaving].sum())


def seen_spikes(past: Tensor, reach: int) -> int:
    """Spikes of one window (T, tokens, D), each times the tokens that see it: itself and up to ``reach − 1`` later."""
    seen_by = np.minimum(np.arange(past.shape[1], 0, -1), reach)
    return int(past.sum(dim=(0, 2)).double().numpy() @ seen_by)


def meeting_rate(rate: float, reach: int) -> float:
    """The rate x of q, k and v for q to meet a k ∧ v of ``reach`` tokens: ``x (1 − (1 − x²)^reach) = rate``.

    The three are taken for independent.
    """
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if middle * (1 - (1 - middle**2) ** reach) > rate else (middle, high)
    return high
