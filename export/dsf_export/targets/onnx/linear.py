"""Linear layers of networks that compute with real numbers: in float32, or with weights and inputs of 8 bits."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from dsf_export.targets.onnx.graph import GraphBuilder

LARGEST_STEP = 127  # of an 8-bit weight
MIDDLE = 128  # the 8-bit number that stands for 0


class Linears(ABC):
    """Writes ``W x + b`` of rows, (rows, inputs) -> (rows, outputs), into a graph."""

    def __init__(self, graph: GraphBuilder) -> None:
        self.graph = graph

    def layer(self, rows: str, linear: nn.Linear) -> str:
        """A layer of PyTorch's."""
        return self.affine(rows, array(linear.weight), array(linear.bias))

    @abstractmethod
    def affine(self, rows: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        """The same of arrays, (outputs, inputs) and (outputs,)."""

    def norm(self, rows: str, norm: nn.LayerNorm) -> str:
        """A LayerNorm, in float32."""
        parameters = (self.graph.constant(array(values)) for values in (norm.weight, norm.bias))
        return self.graph.op("LayerNormalization", rows, *parameters, epsilon=norm.eps)


class FloatLinears(Linears):
    """In float32."""

    def affine(self, rows: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        return self.graph.op("Gemm", rows, self.graph.constant(weight), self.graph.constant(bias), transB=1)


class ByteLinears(Linears):
    """Weights of 8 bits with a scale an output, inputs rounded to 8 bits with one scale as they come.

    Both factors are unsigned, 128 standing for a weight of 0: of an unsigned and a signed byte, runtimes add pairs of
    products in 16 bits on processors without an instruction of their own for it, and saturate.
    """

    def affine(self, rows: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        graph = self.graph
        scale = np.maximum(np.abs(weight).max(axis=1), np.finfo(np.float32).tiny) / np.float32(LARGEST_STEP)
        bytes_ = (np.rint(weight / scale[:, None]) + MIDDLE).astype(np.uint8)
        given, given_scale, given_zero = graph.split_op("DynamicQuantizeLinear", 3, rows)
        middle = graph.constant(MIDDLE, np.uint8)
        product = graph.op("MatMulInteger", given, graph.constant(bytes_.T), given_zero, middle)
        both = graph.op("Mul", given_scale, graph.constant(scale, np.float32))
        total = graph.op("Mul", graph.cast(product, np.float32), both)
        return graph.op("Add", total, graph.constant(bias))


def array(tensor: Tensor) -> NDArray[np.float32]:
    """A parameter as an array."""
    values: NDArray[np.float32] = tensor.detach().cpu().float().numpy()
    return values
