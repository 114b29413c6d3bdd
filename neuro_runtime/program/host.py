"""The parts of a policy that stay with the host: from token to current, and from counted spikes to action."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.token import Token

Array = NDArray[np.float64]

INJECTION_LIMIT = 2**17 - 1  # a current is shifted left by 6 into 24 bits


@dataclass(frozen=True, eq=False)
class HostEncoder:
    """``x = LayerNorm(W [(s − mean) / std ; a_prev ; R / return_scale] + b)``, in float64.

    Attributes
    ----------
    weight, bias
        (D, observation_size + action_size + 1) and (D,).
    norm_weight, norm_bias, norm_epsilon
        The LayerNorm: (D,), (D,) and ε.
    state_mean, state_std, return_scale
        The dataset's normalisation: (observation_size,) twice, and a number.
    input_scale
        Integers for 1.0 of the current in a loihi program; 1 in a float one.
    """

    weight: Array
    bias: Array
    norm_weight: Array
    norm_bias: Array
    norm_epsilon: float
    state_mean: Array
    state_std: Array
    return_scale: float
    input_scale: float

    @property
    def observation_size(self) -> int:
        """Width of a token's state."""
        return len(self.state_mean)

    @property
    def action_size(self) -> int:
        """Width of a token's previous action."""
        return int(self.weight.shape[1]) - self.observation_size - 1

    def encode(self, token: Token) -> Array:
        """The token current x, shape (D,), in real units."""
        current: Array = self.encode_batch([token])[0]
        return current

    def encode_batch(self, tokens: Sequence[Token]) -> Array:
        """The currents of tokens of different lanes, (lanes, D); each is bit for bit what it would be alone."""
        observations = self.observation_size
        vectors = np.empty((len(tokens), self.weight.shape[1]))
        vectors[:, :observations] = [token.state for token in tokens]
        vectors[:, :observations] -= self.state_mean
        vectors[:, :observations] /= self.state_std
        vectors[:, observations:-1] = [token.previous_action for token in tokens]
        vectors[:, -1] = [token.return_to_go / self.return_scale for token in tokens]
        return self._normalise(_each(self.weight, vectors) + self.bias)

    def quantise(self, current: Array) -> NDArray[np.int64]:
        """The integers that a loihi program is given for the current: ``rint(x · input_scale)``, clipped to 18 bits."""
        scaled = np.rint(current * self.input_scale)
        return np.minimum(np.maximum(scaled, -INJECTION_LIMIT), INJECTION_LIMIT).astype(np.int64)

    def _normalise(self, values: Array) -> Array:
        centred = values - _mean(values)
        deviation = np.sqrt(_mean(centred**2) + self.norm_epsilon)
        normalised: Array = centred / deviation * self.norm_weight + self.norm_bias
        return normalised


@dataclass(frozen=True, eq=False)
class HostReadout:
    """``action = tanh(v · unit + W x + b)``: the chip's accumulator and the token's own share.

    Attributes
    ----------
    unit
        Real units of one unit of the accumulator's ``v``, (action_size,).
    weight, bias
        (action_size, D) and (action_size,).
    """

    unit: Array
    weight: Array
    bias: Array

    def decode(self, accumulator: NDArray[Any], current: Array) -> Array:
        """The action, shape (action_size,), from the accumulator's ``v`` and the token current x in real units."""
        action: Array = self.decode_batch(accumulator[None], current[None])[0]
        return action

    def decode_batch(self, accumulators: NDArray[Any], currents: Array) -> Array:
        """The actions of lanes, (lanes, action_size), each bit for bit what it would be alone."""
        actions: Array = np.tanh(accumulators * self.unit + _each(self.weight, currents) + self.bias)
        return actions


def _each(weight: Array, rows: Array) -> Array:
    """``weight @ row`` for each of ``rows``: one product a row, since a single one for all would round differently."""
    products: Array = np.matmul(weight, rows[:, :, None])[:, :, 0]
    return products


def _mean(rows: Array) -> Array:
    """Of each row, (lanes, 1); `np.mean` takes four times as long for rows this short."""
    mean: Array = np.add.reduce(rows, axis=1, keepdims=True) / rows.shape[1]
    return mean
