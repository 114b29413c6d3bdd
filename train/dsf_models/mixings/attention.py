"""Attentions of spikes: queries, keys and values, a spiking sum of them, and a projection."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
from torch import Tensor

from dsf_models.biased_layer import BiasedLayer, layer_biases
from dsf_models.configuration import ModelConfig
from dsf_models.lif import Lif
from dsf_models.mixings.token_mixing import TokenMixing, spike_count
from dsf_models.padding import TokenLayout
from dsf_models.policy_network import Spikes
from dsf_models.spiking_layers import NormalisedLinear, SpikingLinear

FACTORS = ("query", "key", "value")


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

    def fire(self, query: Tensor, key: Tensor, value: Tensor, layout: TokenLayout) -> Tensor:
        """The spikes ``SN(A(q, k, v))``, (T, tokens, D), from spikes of that shape."""
        output: Tensor = self.neuron(self.attend(query, key, value, layout))
        return output

    def forward(self, inputs: Tensor, residual: Tensor, layout: TokenLayout, spikes: Spikes, prefix: str) -> Tensor:
        query, key, value = self.query(inputs), self.key(inputs), self.value(inputs)
        output = self.fire(query, key, value, layout)
        record_attention(spikes, prefix, (query, key, value), output)
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
    """Attentions with a map between all tokens of the window; heads divide the channels.

    The map's sums over channels fire by themselves, so that queries, keys and values need no higher rate.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.heads = config.heads

    @classmethod
    def without_stream(cls, config: ModelConfig) -> str | None:
        return needs_whole_window(config)

    def factor_rate(self, rate: float) -> float:
        return rate

    def attention_synops(self, query: Tensor, key: Tensor, value: Tensor) -> int:
        """Each spike of v reaches every later token of the window, as the paper counts."""
        return seen_spikes(value, reach=value.shape[1])

    def _split(self, spikes: Tensor, layout: TokenLayout) -> Tensor:
        """(T, tokens, D) -> (T, B, heads, K, D / heads)."""
        windows = layout.unpack(spikes)
        return windows.view(*windows.shape[:3], self.heads, -1).transpose(2, 3)

    def _merge(self, windows: Tensor, layout: TokenLayout) -> Tensor:
        """(T, B, heads, K, D / heads) -> (T, tokens, D)."""
        return layout.pack(windows.transpose(2, 3).flatten(3))


def record_attention(spikes: Spikes, prefix: str, factors: Sequence[Tensor], output: Tensor) -> None:
    """Record ``factors``, which are q, k and v, and the attention's own spikes."""
    spikes |= {f"{prefix}.{name}": layer for name, layer in zip(FACTORS, factors, strict=True)}
    spikes[f"{prefix}.output"] = output


def needs_whole_window(config: ModelConfig) -> str:
    """The reason against streaming of a mixing in which a token sees every earlier one of the window."""
    return (
        f"model.mixing={config.mixing} needs the whole window at every decision and cannot stream; "
        "choose model.mixing=pssa, delay or delay-matrix"
    )


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
