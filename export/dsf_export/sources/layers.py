"""Layers without state, each with what it does to a tensor, to a shape, and as a sparse map."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from dsf_common.errors import UserError
from dsf_export.sources.sparse_map import SparseMap
from neuro_runtime.program.kernel import Kernel, Shape, lengths_after

Array = NDArray[np.float64]


class Layer(Protocol):
    """A layer without state."""

    def shape_after(self, shape: Shape) -> Shape:
        """The shape that comes out of one of ``shape``; a UserError where it does not fit."""
        ...

    def apply(self, values: Tensor) -> Tensor:
        """Its output of a tensor of its input's shape."""
        ...

    def matrix(self, shape: Shape) -> SparseMap:
        """Its weights for an input of ``shape``, both ends flat."""
        ...

    def offset(self, shape: Shape) -> Array:
        """Its bias for an input of ``shape``, flat."""
        ...


@dataclass(frozen=True, eq=False)
class Affine:
    """``W x + b`` over the last axis."""

    weight: Tensor
    bias: Tensor | None

    def shape_after(self, shape: Shape) -> Shape:
        if self.weight.dim() != 2 or shape[-1:] != (self.weight.shape[1],):
            raise UserError(f"weights of shape {tuple(self.weight.shape)} do not take an input of {shape}")
        return (*shape[:-1], int(self.weight.shape[0]))

    def apply(self, values: Tensor) -> Tensor:
        return functional.linear(values, self.weight.to(values.dtype), _like(self.bias, values))

    def matrix(self, shape: Shape) -> SparseMap:
        rows = math.prod(shape[:-1])
        weight = self.weight.double().numpy()
        return SparseMap.dense(weight if rows == 1 else np.kron(np.eye(rows), weight))

    def offset(self, shape: Shape) -> Array:
        bias = np.zeros(len(self.weight)) if self.bias is None else self.bias.double().numpy()
        return np.tile(bias, math.prod(shape[:-1]))


@dataclass(frozen=True, eq=False)
class Convolution:
    """A cross-correlation as PyTorch has it, over one or two axes."""

    weight: Tensor
    bias: Tensor | None
    stride: Shape
    padding: Shape
    dilation: Shape
    groups: int

    @property
    def axes(self) -> int:
        return len(self.stride)

    def shape_after(self, shape: Shape) -> Shape:
        if len(shape) != self.axes + 1 or shape[0] != self.weight.shape[1] * self.groups:
            raise UserError(f"a kernel of shape {tuple(self.weight.shape)} does not take an input of {shape}")
        kernel = tuple(int(length) for length in self.weight.shape[2:])
        lengths = lengths_after(shape[1:], kernel, self.stride, self.padding, self.dilation)
        return (int(self.weight.shape[0]), *lengths)

    def apply(self, values: Tensor) -> Tensor:
        convolve = functional.conv1d if self.axes == 1 else functional.conv2d
        out: Tensor = convolve(
            values[None],
            self.weight.to(values.dtype),
            _like(self.bias, values),
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
        )[0]
        return out

    def matrix(self, shape: Shape) -> SparseMap:
        weight = self.weight.double().numpy()
        return SparseMap.convolution(Kernel(weight, shape, self.stride, self.padding, self.dilation, self.groups))

    def offset(self, shape: Shape) -> Array:
        out = self.shape_after(shape)
        if self.bias is None:
            return np.zeros(math.prod(out))
        return np.repeat(self.bias.double().numpy(), math.prod(out[1:]))


@dataclass(frozen=True, eq=False)
class Pool:
    """Sums, or means, of windows of each channel; padding counts as zeros."""

    kernel: Shape
    stride: Shape
    padding: Shape
    mean: bool

    def shape_after(self, shape: Shape) -> Shape:
        if len(shape) != 3:
            raise UserError(f"a pooling of two axes does not take an input of {shape}")
        return (shape[0], *lengths_after(shape[1:], self.kernel, self.stride, self.padding, (1, 1)))

    def apply(self, values: Tensor) -> Tensor:
        mean = functional.avg_pool2d(values[None], self.kernel, self.stride, self.padding)[0]
        return mean if self.mean else mean * math.prod(self.kernel)

    def matrix(self, shape: Shape) -> SparseMap:
        weight = 1 / math.prod(self.kernel) if self.mean else 1.0
        each = np.full((shape[0], 1, *self.kernel), weight)
        return SparseMap.convolution(Kernel(each, shape, self.stride, self.padding, (1, 1), groups=shape[0]))

    def offset(self, shape: Shape) -> Array:
        return np.zeros(math.prod(self.shape_after(shape)))


@dataclass(frozen=True, eq=False)
class Flatten:
    """Axes ``start`` to ``end`` (both included) become one."""

    start: int
    end: int

    def shape_after(self, shape: Shape) -> Shape:
        axes = range(len(shape))
        if (
            not shape
            or self.start not in range(-len(shape), len(shape))
            or self.end not in range(-len(shape), len(shape))
        ):
            raise UserError(f"flattening axes {self.start} to {self.end} does not take an input of {shape}")
        start, end = axes[self.start], axes[self.end]
        if start > end:
            raise UserError(f"flattening axes {self.start} to {self.end} does not take an input of {shape}")
        return (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :])

    def apply(self, values: Tensor) -> Tensor:
        return torch.flatten(values, self.start, self.end)

    def matrix(self, shape: Shape) -> SparseMap:
        return SparseMap.diagonal(np.ones(math.prod(shape)))

    def offset(self, shape: Shape) -> Array:
        return np.zeros(math.prod(shape))


@dataclass(frozen=True, eq=False)
class Scale:
    """Each number times its own factor."""

    scale: Tensor

    def shape_after(self, shape: Shape) -> Shape:
        if tuple(self.scale.shape) != shape and self.scale.numel() != 1:
            raise UserError(f"factors of shape {tuple(self.scale.shape)} do not take an input of {shape}")
        return shape

    def apply(self, values: Tensor) -> Tensor:
        return values * self.scale.to(values.dtype)

    def matrix(self, shape: Shape) -> SparseMap:
        return SparseMap.diagonal(np.broadcast_to(self.scale.double().numpy(), shape).reshape(-1))

    def offset(self, shape: Shape) -> Array:
        return np.zeros(math.prod(shape))


def _like(bias: Tensor | None, values: Tensor) -> Tensor | None:
    return None if bias is None else bias.to(values.dtype)
