"""The host's part of a program: from the token to its current, and from the accumulator to the action."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsf_export.targets.onnx.graph import GraphBuilder
from dsf_export.targets.onnx.tokens import TokenInputs, TokenScale
from neuro_runtime.program.host import HostEncoder, HostReadout
from neuro_runtime.program.limits import INJECTION_LIMIT


def token_scale(encoder: HostEncoder) -> TokenScale:
    """How the encoder normalises a token."""
    return TokenScale(encoder.state_mean, encoder.state_std, encoder.return_scale, encoder.input_clip)


class ExactHost:
    """The host of a loihi program in float64, every sum from left to right as `neuro_runtime.program.host` defines it.

    A token's current is an integer, so it must be the same to the last bit: a running sum has one order only, and a
    matrix product or a mean has any.
    """

    def __init__(self, graph: GraphBuilder, encoder: HostEncoder, readout: HostReadout) -> None:
        self._graph, self._encoder, self._readout = graph, encoder, readout

    def encode(self, token: TokenInputs) -> str:
        """The current x, (1, D), real."""
        encoder = self._encoder
        self._graph.begin("encoder")
        vector = self._graph.op("Concat", token.state, token.previous_action, token.return_to_go, axis=1)
        weighed = self._weighed(encoder.weight, vector, "encoder/weight")
        embedded = self._graph.op("Add", weighed, self._constant(encoder.bias, "encoder/bias"))
        centred = self._graph.op("Sub", embedded, self._mean(embedded))
        variance = self._mean(self._graph.op("Mul", centred, centred))
        deviation = self._graph.op("Sqrt", self._graph.op("Add", variance, self._constant(encoder.norm_epsilon)))
        normalised = self._graph.op("Div", centred, deviation)
        scaled = self._graph.op("Mul", normalised, self._constant(encoder.norm_weight, "encoder/norm_weight"))
        return self._graph.op("Add", scaled, self._constant(encoder.norm_bias, "encoder/norm_bias"))

    def quantise(self, current: str) -> str:
        """The integers that the program is given, (1, D)."""
        scaled = self._graph.op("Mul", current, self._constant(self._encoder.input_scale))
        ends = (self._constant(end) for end in (-INJECTION_LIMIT, INJECTION_LIMIT))
        return self._graph.cast(self._graph.op("Clip", self._graph.op("Round", scaled), *ends), np.int32)

    def decode(self, accumulator: str, current: str) -> str:
        """The action, (1, action_size)."""
        readout = self._readout
        self._graph.begin("readout")
        real = self._graph.op("Mul", self._graph.cast(accumulator, np.float64), self._constant(readout.inverse_scale))
        total = self._graph.op("Add", real, self._weighed(readout.weight, current, "readout/weight"))
        return self._graph.op("Tanh", self._graph.op("Add", total, self._constant(readout.bias, "readout/bias")))

    def _weighed(self, weight: NDArray[np.float64], values: str, name: str) -> str:
        """``weight @ values`` as a row, (1, outputs)."""
        products = self._graph.op("Mul", self._constant(weight, name), values)
        return self._graph.op("Transpose", self._last_sum(products, weight.shape[1]))

    def _mean(self, row: str) -> str:
        size = len(self._encoder.norm_weight)
        return self._graph.op("Div", self._last_sum(row, size), self._constant(size))

    def _last_sum(self, rows: str, size: int) -> str:
        """Each row's sum from left to right, (rows, 1)."""
        sums = self._graph.op("CumSum", rows, self._graph.constant(1, np.int64))
        ends = (self._graph.constant(np.array([end]), np.int64) for end in (size - 1, size, 1))
        return self._graph.op("Slice", sums, *ends)

    def _constant(self, value: NDArray[np.float64] | float, name: str | None = None) -> str:
        return self._graph.constant(value, np.float64, name)


class FloatHost:
    """The host of a float program in float32, a matrix product and a LayerNorm."""

    def __init__(self, graph: GraphBuilder, encoder: HostEncoder, readout: HostReadout) -> None:
        self._graph, self._encoder, self._readout = graph, encoder, readout

    def encode(self, token: TokenInputs) -> str:
        """The current x, (1, D)."""
        encoder = self._encoder
        self._graph.begin("encoder")
        vector = self._graph.op("Concat", token.state, token.previous_action, token.return_to_go, axis=1)
        embedded = self._affine(self._graph.cast(vector, np.float32), encoder.weight, encoder.bias)
        norm = self._constant(encoder.norm_weight), self._constant(encoder.norm_bias)
        return self._graph.op("LayerNormalization", embedded, *norm, epsilon=encoder.norm_epsilon)

    def decode(self, accumulator: str, current: str) -> str:
        """The action, (1, action_size), in float64."""
        readout = self._readout
        self._graph.begin("readout")
        own = self._affine(current, readout.weight, readout.bias)
        action = self._graph.op("Tanh", self._graph.op("Add", accumulator, own))
        return self._graph.cast(action, np.float64)

    def _affine(self, values: str, weight: NDArray[np.float64], bias: NDArray[np.float64]) -> str:
        return self._graph.op("Gemm", values, self._constant(weight), self._constant(bias), transB=1)

    def _constant(self, value: NDArray[np.float64]) -> str:
        return self._graph.constant(value, np.float32)
