"""The paper's equations once more, in numpy, on weights by their published names; shares nothing with `train`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BETA, THRESHOLD, EPSILON = 0.25, 0.5, 1e-5


@dataclass
class PaperPolicy:
    """A Decision SpikeFormer at inference.

    Attributes
    ----------
    weights
        Weights by their published names.
    rates
        After a call, the firing rate of every spiking layer, in the order of evaluation.
    """

    weights: Mapping[str, Array]
    attention: Literal["pssa", "tssa", "sssa"]
    blocks: int
    heads: int = 1
    time_steps: int = 4
    window: int = 8
    rates: list[float] = field(default_factory=list)

    def actions(self, states: Array, previous_actions: Array, returns_to_go: Array) -> Array:
        """Actions (K, act) of one unpadded window of (K, ·) tokens."""
        self.rates = []
        tokens = self._linear("embed", np.concatenate([states, previous_actions, returns_to_go], axis=1))
        mean, variance = tokens.mean(1, keepdims=True), tokens.var(1, keepdims=True)
        tokens = self.weights["embed_ln.weight"] * (tokens - mean) / np.sqrt(variance + EPSILON)
        current = np.stack([tokens + self.weights["embed_ln.bias"]] * self.time_steps)
        for number in range(self.blocks):
            current = self._block(f"transformer.transformer.blocks.{number}", current)
        current = self._norm("transformer.transformer.last_ln", current).mean(0)
        return np.tanh(self._linear("predict_action.0", current))

    def _block(self, name: str, current: Array) -> Array:
        spikes = self._neurons(current)
        q, k, v = (
            self._neurons(self._norm(f"{name}.attn.{part}_ln", self._linear(f"{name}.attn.{part}_m", spikes)))
            for part in "qkv"
        )
        attended = self._neurons(self._attend(name, q, k, v))
        current = current + self._norm(f"{name}.attn.last_ln", self._linear(f"{name}.attn.last_m", attended))
        hidden = self._norm(f"{name}.mlp.ln1", self._linear(f"{name}.mlp.fc1", self._neurons(current)))
        return current + self._norm(f"{name}.mlp.ln2", self._linear(f"{name}.mlp.fc2", self._neurons(hidden)))

    def _attend(self, name: str, q: Array, k: Array, v: Array) -> Array:
        tokens = q.shape[1]
        place = np.arange(tokens)
        causal = place[:, None] >= place[None, :]
        if self.attention == "pssa":
            near = np.abs(place[:, None] - place[None, :]) < self.window
            position = self.weights[f"{name}.attn.pos_bias"][:tokens, :tokens] * near * causal
            sums: Array = np.einsum("ij,tjd->tid", position, k * v)
            return q * sums
        parts = [np.stack(np.split(spikes, self.heads, axis=2)) for spikes in (q, k, v)]  # (heads, T, K, D/heads)
        maps = np.einsum("htid,htjd->htij", parts[0], parts[1]) * causal
        if self.attention == "tssa":
            maps = np.broadcast_to(maps.sum(axis=1, keepdims=True), maps.shape)
        mixed = np.einsum("htij,htjd->htid", maps, parts[2])
        return np.concatenate(list(mixed), axis=2)

    def _neurons(self, current: Array) -> Array:
        spikes, kept = np.zeros_like(current), np.zeros_like(current[0])
        for t, arriving in enumerate(current):
            membrane = kept + arriving
            spikes[t] = membrane > THRESHOLD
            kept = BETA * membrane * (1 - spikes[t])
        self.rates.append(float(spikes.mean()))
        return spikes

    def _linear(self, name: str, values: Array) -> Array:
        return values @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def _norm(self, name: str, current: Array) -> Array:
        """The batch-norm branch, which evaluation always uses; RepBN adds ``alpha · x``."""
        norm = f"{name}.norm.norm2"
        batch = f"{norm}.bn" if f"{norm}.bn.weight" in self.weights else norm
        scale = self.weights[f"{batch}.weight"] / np.sqrt(self.weights[f"{batch}.running_var"] + EPSILON)
        normalised = scale * (current - self.weights[f"{batch}.running_mean"]) + self.weights[f"{batch}.bias"]
        skip = self.weights.get(f"{norm}.alpha", np.zeros(1))
        return normalised + skip * current
