"""The host's encoder and readout, compiled: bit for bit those of `neuro_runtime.program.host`, many tokens at a time.

Sums run from left to right there and here, and nothing is contracted or reordered, so that both round alike. The tanh
is numpy's in both, since nothing defines its last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.host import HostEncoder, HostReadout
from neuro_runtime.program.limits import INJECTION_LIMIT
from neuro_runtime.simulators.loihi_fast.compiling import compiled, for_types_of
from neuro_runtime.token import Token

Reals = NDArray[np.float64]
Integers = NDArray[np.int32]


class _Encoder(NamedTuple):
    shift: Reals  # (token width,), taken off a token's entries before …
    scale: Reals  # … they are divided
    weight: Reals  # (token width, D)
    bias: Reals
    norm_weight: Reals
    norm_bias: Reals
    norm_epsilon: float
    input_scale: float
    states: int  # entries of a token that are its observation's, …
    clip: float  # … and are clipped here once they are divided


class _Readout(NamedTuple):
    inverse_scale: Reals  # (action_size,)
    weight: Reals  # (D, action_size)
    bias: Reals


class CompiledHost:
    """The host's computation before and after the neurons of a program in loihi arithmetic.

    Attributes
    ----------
    clipped_inputs
        Entries of observations that were clipped up to now.
    """

    def __init__(self, encoder: HostEncoder, readout: HostReadout) -> None:
        rest = encoder.action_size
        self._encoder = _Encoder(
            shift=np.concatenate([encoder.state_mean, np.zeros(rest + 1)]),
            scale=np.concatenate([encoder.state_std, np.ones(rest), [encoder.return_scale]]),
            weight=np.ascontiguousarray(encoder.weight.T),
            bias=encoder.bias,
            norm_weight=encoder.norm_weight,
            norm_bias=encoder.norm_bias,
            norm_epsilon=encoder.norm_epsilon,
            input_scale=encoder.input_scale,
            states=encoder.observation_size,
            clip=encoder.input_clip,
        )
        self.clipped_inputs = 0
        self._readout = _Readout(readout.inverse_scale, np.ascontiguousarray(readout.weight.T), readout.bias)
        self._make_ready(encoder)

    def encode(self, tokens: Sequence[Token]) -> tuple[Reals, Integers]:
        """The tokens' currents, (tokens, D), in real units and as the integers that the program is given."""
        observations, shape = len(tokens[0].state), (len(tokens), len(self._encoder.bias))
        vectors = np.empty((len(tokens), len(self._encoder.shift)))
        vectors[:, :observations] = [token.state for token in tokens]
        vectors[:, observations:-1] = [token.previous_action for token in tokens]
        vectors[:, -1] = [token.return_to_go for token in tokens]
        currents, integers = np.empty(shape), np.empty(shape, np.int32)
        self.clipped_inputs += self._encode(self._encoder, vectors, currents, integers)
        return currents, integers

    def decode(self, accumulators: NDArray[np.int64], currents: Reals) -> Reals:
        """The actions, (tokens, action_size), from the accumulators' ``v`` and the tokens' currents in real units."""
        sums = np.empty(accumulators.shape)
        summed, given = np.asarray(accumulators, np.int64, order="C"), np.asarray(currents, np.float64, order="C")
        self._read_out(self._readout, summed, given, sums)
        actions: Reals = np.tanh(sums)
        return actions

    def _make_ready(self, encoder: HostEncoder) -> None:
        """Load the compiled code, or compile it if it never was, so that no decision has to wait for that."""
        vectors, sums = np.zeros((1, len(self._encoder.shift))), np.zeros((1, encoder.action_size))
        currents = np.zeros((1, len(encoder.bias)))
        self._encode = for_types_of(_encode, self._encoder, vectors, currents, currents.astype(np.int32))
        self._read_out = for_types_of(_read_out, self._readout, sums.astype(np.int64), currents, sums)


@compiled
def _encode(encoder: _Encoder, vectors: Reals, currents: Reals, integers: Integers) -> int:
    clipped = 0
    for n in range(len(vectors)):
        current = currents[n]
        vector = (vectors[n] - encoder.shift) / encoder.scale
        for i in range(encoder.states):
            if abs(vector[i]) > encoder.clip:
                vector[i] = encoder.clip if vector[i] > 0 else -encoder.clip
                clipped += 1
        _weigh(encoder.weight, vector, current)
        current += encoder.bias
        current -= _sum(current) / len(current)
        current /= np.sqrt(_sum(current * current) / len(current) + encoder.norm_epsilon)
        for d in range(len(current)):
            current[d] = current[d] * encoder.norm_weight[d] + encoder.norm_bias[d]
            integers[n, d] = min(max(np.rint(current[d] * encoder.input_scale), -INJECTION_LIMIT), INJECTION_LIMIT)
    return clipped


@compiled
def _read_out(readout: _Readout, accumulators: NDArray[np.int64], currents: Reals, sums: Reals) -> None:
    for n in range(len(sums)):
        _weigh(readout.weight, currents[n], sums[n])
        for a in range(sums.shape[1]):
            sums[n, a] = accumulators[n, a] * readout.inverse_scale[a] + sums[n, a] + readout.bias[a]


@compiled
def _weigh(weight: Reals, values: Reals, sums: Reals) -> None:
    """``sums[i] = Σ_j weight[j, i]·values[j]``, each sum from the first ``j`` to the last."""
    for i in range(len(sums)):
        sums[i] = weight[0, i] * values[0]
    for j in range(1, len(values)):
        for i in range(len(sums)):
            sums[i] += weight[j, i] * values[j]


@compiled
def _sum(values: Reals) -> float:
    total = values[0]
    for n in range(1, len(values)):
        total += values[n]
    return float(total)
