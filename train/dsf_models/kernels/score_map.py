"""Neurons of attentions with a map of scores (TSSA, SSSA, SDSA-3), in one pass each way over each window's real tokens.

Forward, of each head: ``a_{i,d} = q_i · k_{i−d}`` at a time step, or summed over all of them, and
``X_i = s Σ_{d<S, d≤i} min(a_{i,d}, c) v_{i−d}``, and the neuron of X (`dsf_models.kernels.lif`)

Backward: ``∂a_{i,d} = s ∂X_i · v_{i−d}`` where ``a_{i,d} ≤ c``, else 0;  ``∂q_i = Σ_d ∂a_{i,d} k_{i−d}``,
``∂k_j = Σ_d ∂a_{j+d,d} q_{j+d}``,  ``∂v_j = s Σ_d min(a_{j+d,d}, c) ∂X_{j+d}``

Scores beyond S tokens are not computed, nor is the map of a whole window ever stored.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import prange
from torch import Tensor

from dsf_models.kernels.lif import FIRED, PackedSpikes, constants, step, step_back
from dsf_models.kernels.parallel import Array, compiled, parallel_reassociating, run_chunks
from dsf_models.kernels.windows import Bounds, window_chunks, windows_of
from dsf_models.lif import Lif


@dataclass(frozen=True)
class ScoreMap:
    """The form of the scores.

    Attributes
    ----------
    heads
        They divide the channels.
    window
        S, tokens that a token sees.
    limit
        c, the largest score.
    over_time
        Whether a score is summed over all time steps.
    scale
        s.
    """

    heads: int
    window: int
    limit: float = math.inf
    over_time: bool = False
    scale: float = 1.0


class MapNeurons:
    """``SN(X)``: packed spikes q, k and v, side by side, (T, tokens, 3D), into (T, tokens, D).

    Parameters
    ----------
    kind
        The precision of scores and gradients.
    """

    parameters: Sequence[Tensor] = ()

    def __init__(self, scores: ScoreMap, bounds: Bounds, neuron: Lif, kind: np.dtype[Any]) -> None:
        self._map, self._bounds, self._kind = scores, bounds, kind
        self._neuron = constants(neuron, kind)
        self._numbers = np.array([scores.limit, scores.scale], kind)

    def forward(self, given: PackedSpikes) -> PackedSpikes:
        steps, tokens, width = given.shape
        heads = self._map.heads
        self._factors = given.reshape(steps, tokens, 3, heads, -1)
        maps = 1 if self._map.over_time else steps
        self._scores = np.empty((maps, tokens, self._map.window, heads), self._kind)
        self._packed = np.empty((steps, tokens, heads, width // (3 * heads)), np.uint8)
        run_chunks(_forward, window_chunks(self._bounds), given.size, *self._arguments())
        return self._packed.reshape(steps, tokens, -1)

    def backward(self, grad: Array) -> tuple[Array, Sequence[Tensor | None]]:
        grad_factors = np.zeros(self._factors.shape, self._kind)
        arguments = *self._arguments(), grad.reshape(self._packed.shape), grad_factors
        run_chunks(_backward, window_chunks(self._bounds), self._packed.size, *arguments)
        return grad_factors.reshape(*grad.shape[:2], -1), ()

    def _arguments(self) -> tuple[Array, ...]:
        return self._factors, self._bounds, self._numbers, self._neuron, self._scores, self._packed


@compiled
def _unpack(factors: PackedSpikes, begin: int, length: int, given: Array) -> None:
    """A window's q, k and v as numbers."""
    steps, _, kinds, heads, width = given.shape
    zero, one = given.dtype.type(0), given.dtype.type(1)
    for t in range(steps):
        for i in range(length):
            for f in range(kinds):
                for h in range(heads):
                    for c in range(width):
                        given[t, i, f, h, c] = one if factors[t, begin + i, f, h, c] & FIRED else zero


@parallel_reassociating
def _forward(
    chunks: int,
    factors: PackedSpikes,
    bounds: Bounds,
    numbers: Array,
    neuron: Array,
    scores: Array,
    packed: PackedSpikes,
) -> None:
    steps, _, heads, width = packed.shape
    maps, _, reach, _ = scores.shape
    beta, threshold, low, high, zero = neuron
    limit, scale = numbers
    longest = np.max(np.diff(bounds))
    for chunk in prange(chunks):
        given = np.empty((steps, longest, 3, heads, width), numbers.dtype)
        kept = np.empty((heads, width), numbers.dtype)
        current = np.empty((heads, width), numbers.dtype)
        for window in range(*windows_of(chunk, bounds)):
            begin, length = bounds[window], bounds[window + 1] - bounds[window]
            _unpack(factors, begin, length, given)
            for i in range(length):
                seen = min(reach, i + 1)
                for d in range(seen):
                    for h in range(heads):
                        total = zero
                        for t in range(steps):
                            at_step = zero
                            for c in range(width):
                                at_step += given[t, i, 0, h, c] * given[t, i - d, 1, h, c]
                            total += at_step
                            if maps > 1:
                                scores[t, begin + i, d, h] = at_step
                        if maps == 1:
                            scores[0, begin + i, d, h] = total
                kept[:] = zero
                for t in range(steps):
                    current[:] = zero
                    for d in range(seen):
                        for h in range(heads):
                            score = scale * min(scores[t if maps > 1 else 0, begin + i, d, h], limit)
                            for c in range(width):
                                current[h, c] += score * given[t, i - d, 2, h, c]
                    for h in range(heads):
                        for c in range(width):
                            membrane = current[h, c] + beta * kept[h, c]
                            kept[h, c], packed[t, begin + i, h, c] = step(membrane, threshold, low, high, zero)


@parallel_reassociating
def _backward(
    chunks: int,
    factors: PackedSpikes,
    bounds: Bounds,
    numbers: Array,
    neuron: Array,
    scores: Array,
    packed: PackedSpikes,
    grad_spikes: Array,
    grad_factors: Array,
) -> None:
    steps, _, heads, width = packed.shape
    maps, _, reach, _ = scores.shape
    beta, zero = neuron[0], neuron[4]
    limit, scale = numbers
    longest = np.max(np.diff(bounds))
    for chunk in prange(chunks):
        given = np.empty((steps, longest, 3, heads, width), numbers.dtype)
        inner = np.empty((steps, heads, width), numbers.dtype)  # ∂X
        by_step = np.empty(steps, numbers.dtype)  # ∂a
        carried = np.empty((heads, width), numbers.dtype)
        for window in range(*windows_of(chunk, bounds)):
            begin, length = bounds[window], bounds[window + 1] - bounds[window]
            _unpack(factors, begin, length, given)
            for i in range(length):
                carried[:] = zero
                for t in range(steps - 1, -1, -1):
                    for h in range(heads):
                        for c in range(width):
                            gradient = step_back(
                                packed[t, begin + i, h, c], grad_spikes[t, begin + i, h, c], beta * carried[h, c], zero
                            )
                            carried[h, c] = gradient
                            inner[t, h, c] = gradient
                for d in range(min(reach, i + 1)):
                    j = i - d
                    for h in range(heads):
                        total = zero
                        for t in range(steps):
                            at_step = zero
                            for c in range(width):
                                at_step += inner[t, h, c] * given[t, j, 2, h, c]
                            by_step[t] = at_step
                            total += at_step
                        for t in range(steps):
                            score = scores[t if maps > 1 else 0, begin + i, d, h]
                            grad_score = zero
                            if score <= limit:
                                grad_score = scale * (by_step[t] if maps > 1 else total)
                            weight = scale * min(score, limit)
                            for c in range(width):
                                grad_factors[t, begin + i, 0, h, c] += grad_score * given[t, j, 1, h, c]
                            for c in range(width):
                                grad_factors[t, begin + j, 1, h, c] += grad_score * given[t, i, 0, h, c]
                            for c in range(width):
                                grad_factors[t, begin + j, 2, h, c] += weight * inner[t, h, c]
