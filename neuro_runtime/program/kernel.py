"""The kernel of a convolution, and the synapses that it stands for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError

Shape = tuple[int, ...]
Indices = NDArray[np.int64]
MOST_SYNAPSES = 200_000_000  # that a kernel may stand for


@dataclass(frozen=True, eq=False)
class Kernel:
    """A cross-correlation over one or two axes, padded with zeros, as PyTorch's ``conv1d`` and ``conv2d`` compute it.

    ``y[o, p] = Σ_{c, k} weight[o, c, k]·x[g(o) + c, stride·p + dilation·k − padding]``; g(o) is the first channel of
    the group of o.

    Attributes
    ----------
    weight
        (channels out, channels in / groups, *lengths of the kernel).
    shape
        Of x: (channels in, *lengths).
    stride, padding, dilation
        One number an axis.
    """

    weight: NDArray[Any]
    shape: Shape
    stride: Shape
    padding: Shape
    dilation: Shape
    groups: int

    @property
    def output_shape(self) -> Shape:
        """The shape of y: (channels out, *lengths).

        Raises
        ------
        UserError
            The numbers do not fit one another.
        """
        geometry = self.stride, self.padding, self.dilation
        if (
            len(self.stride) not in (1, 2)
            or any(len(each) != len(self.stride) for each in geometry)
            or self.weight.ndim != len(self.stride) + 2
            or min((*self.shape, *self.weight.shape, *self.stride, *self.dilation, self.groups)) < 1
            or min(self.padding) < 0
            or len(self.shape) != len(self.stride) + 1
            or self.shape[0] != self.weight.shape[1] * self.groups
            or self.weight.shape[0] % self.groups
        ):
            raise UserError(f"a kernel of shape {self.weight.shape} does not take an input of {self.shape}")
        return (self.weight.shape[0], *lengths_after(self.shape[1:], self.weight.shape[2:], *geometry))

    @property
    def shares_weights(self) -> bool:
        """Whether it has more than one window, so that a weight stands for several synapses."""
        return math.prod(self.output_shape[1:]) > 1

    @property
    def most_synapses(self) -> int:
        """Those that it stands for, padding and weights of 0 included."""
        return math.prod(self.output_shape) * math.prod(self.weight.shape[1:])

    def synapses(self) -> tuple[Indices, Indices, NDArray[Any]]:
        """Source, target and weight of every synapse that is not 0, (synapses,) each; those of one target by source.

        Raises
        ------
        UserError
            The numbers do not fit one another, or there are more than MOST_SYNAPSES.
        """
        if self.most_synapses > MOST_SYNAPSES:
            raise UserError(f"its {self.most_synapses:,} synapses are more than {MOST_SYNAPSES:,}")
        channels, places, taps = len(self.weight), math.prod(self.output_shape[1:]), math.prod(self.weight.shape[1:])
        read = windows(self.shape, self.weight.shape[2:], self.stride, self.padding, self.dilation)
        by_group = read.reshape(self.groups, 1, taps, places)  # taps of all channels that a group reads
        source = np.broadcast_to(by_group, (self.groups, channels // self.groups, taps, places))
        source = source.reshape(channels, taps, places)
        target = np.broadcast_to(np.arange(channels * places).reshape(channels, 1, places), source.shape)
        value = np.broadcast_to(self.weight.reshape(channels, taps)[:, :, None], source.shape)
        used = (source >= 0) & (value != 0)
        return source[used], target[used], value[used]


def lengths_after(lengths: Shape, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape) -> Shape:
    """How many windows of ``kernel`` there are along each axis.

    Raises
    ------
    UserError
        There are none.
    """
    after = tuple(
        (length + 2 * around - step * (width - 1) - 1) // jump + 1
        for length, width, jump, around, step in zip(lengths, kernel, stride, padding, dilation, strict=True)
    )
    if min(after) < 1:
        raise UserError(f"windows of {kernel} do not fit into {lengths}")
    return after


def windows(shape: Shape, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape) -> Indices:
    """The input that each tap of each window reads, −1 for padding: (channels, taps, windows)."""
    counts = lengths_after(shape[1:], kernel, stride, padding, dilation)
    read, inside = np.zeros((1, 1), dtype=np.int64), np.ones((1, 1), dtype=bool)
    for axis, length in enumerate(shape[1:]):
        tap, window = np.arange(kernel[axis])[:, None], np.arange(counts[axis])[None]
        place = window * stride[axis] + tap * dilation[axis] - padding[axis]
        read = _crossed(read * length, place, np.add)
        inside = _crossed(inside, (place >= 0) & (place < length), np.logical_and)
    channel = np.arange(shape[0])[:, None, None] * math.prod(shape[1:])
    return np.where(inside, channel + read, -1)


def _crossed(first: NDArray[Any], second: NDArray[Any], combine: np.ufunc) -> NDArray[Any]:
    """Each entry of ``first`` (taps, windows) with each of ``second``, the latter running faster on both axes."""
    crossed: NDArray[Any] = combine(first[:, None, :, None], second[None, :, None, :])
    return crossed.reshape(len(first) * len(second), -1)
