"""The parts of a policy that stay with the host: from token to current, and from counted spikes to action.

Sums run from left to right, a definition to the last bit, which compiled code can keep
(`neuro_runtime.simulators.loihi_fast`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.limits import INJECTION_LIMIT
from neuro_runtime.token import Token

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HostEncoder:
    """``x = LayerNorm(W [clip((s − mean) / std) ; a_prev ; R / return_scale] + b)``, in float64.

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
    input_clip
        Deviations from the mean at which an entry of the observation is clipped; infinite in a program of an earlier
        release.
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
    input_clip: float = math.inf

    @property
    def observation_size(self) -> int:
        """Width of a token's state."""
        return len(self.state_mean)

    @property
    def action_size(self) -> int:
        """Width of a token's previous action."""
        return int(self.weight.shape[1]) - self.observation_size - 1

    @property
    def largest_current(self) -> Array:
        """Largest |x|, (D,)."""
        low, high = self.current_range
        bound: Array = np.maximum(-low, high)
        return bound

    @property
    def current_range(self) -> tuple[Array, Array]:
        """The ends of x, (D,) each: a LayerNorm's channel is at most √(D − 1) standard deviations from the mean."""
        spread = np.sqrt(len(self.norm_weight) - 1) * np.abs(self.norm_weight)
        return self.norm_bias - spread, self.norm_bias + spread

    @property
    def injected_range(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The ends of the integers that a loihi program is given, (D,) each."""
        low, high = (end * self.input_scale for end in self.current_range)
        lowest, highest = (
            end.clip(-INJECTION_LIMIT, INJECTION_LIMIT).astype(np.int64) for end in (np.floor(low), np.ceil(high))
        )
        return lowest, highest

    def encode(self, token: Token) -> Array:
        """The token current x, shape (D,), in real units."""
        state = self._normalised(token)
        if self.input_clip < math.inf:
            state = state.clip(-self.input_clip, self.input_clip)
        vector = np.concatenate([state, token.previous_action, [token.return_to_go / self.return_scale]])
        return self._normalise(_weigh(self.weight, vector) + self.bias)

    def clipped(self, token: Token) -> int:
        """The entries of a token's observation that lie beyond the clip."""
        return int((np.abs(self._normalised(token)) > self.input_clip).sum()) if self.input_clip < math.inf else 0

    def quantise(self, current: Array) -> NDArray[np.int64]:
        """The integers that a loihi program is given for the current: ``rint(x · input_scale)``, clipped to 18 bits."""
        scaled = np.rint(current * self.input_scale)
        return np.minimum(np.maximum(scaled, -INJECTION_LIMIT), INJECTION_LIMIT).astype(np.int64)

    def _normalised(self, token: Token) -> Array:
        state: Array = (token.state - self.state_mean) / self.state_std
        return state

    def _normalise(self, values: Array) -> Array:
        centred = values - _mean(values)
        deviation = np.sqrt(_mean(centred * centred) + self.norm_epsilon)
        normalised: Array = centred / deviation * self.norm_weight + self.norm_bias
        return normalised


@dataclass(frozen=True, eq=False)
class HostReadout:
    """``action = tanh(v · inverse_scale + W x + b)``: the chip's accumulator and the token's own share.

    Attributes
    ----------
    inverse_scale
        Real value of one integer of the accumulator's ``v``, (action_size,); 1 in a float program.
    weight, bias
        (action_size, D) and (action_size,).
    """

    inverse_scale: Array
    weight: Array
    bias: Array

    def decode(self, accumulator: NDArray[Any], current: Array) -> Array:
        """The action, shape (action_size,), from the accumulator's ``v`` and the token current x in real units."""
        action: Array = np.tanh(accumulator * self.inverse_scale + _weigh(self.weight, current) + self.bias)
        return action


def _weigh(weight: Array, values: Array) -> Array:
    """``weight @ values``, each sum from left to right."""
    sums: Array = np.add.accumulate(weight * values, axis=1)[:, -1]
    return sums


def _mean(values: Array) -> np.float64:
    mean: np.float64 = np.add.accumulate(values)[-1] / len(values)
    return mean
