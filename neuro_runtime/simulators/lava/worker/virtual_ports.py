"""Ports that pick entries of a vector, or place one into a longer vector: Lava has neither.

Lava applies them where the data arrives. They let one process stand for what would be many: `take` hands each receiver
its own part of one port, and vectors that are given a `place` each become one where an in-port sums them.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from lava.magma.core.process.ports.ports import AbstractPort, AbstractVirtualPort
from numpy.typing import NDArray

Indices = NDArray[np.intp]


def take(port: AbstractPort, indices: Indices) -> AbstractVirtualPort:
    """The entries ``indices`` of a one-dimensional port, to connect to another."""
    return _derive(port, _Take(indices))


def place(port: AbstractPort, indices: Indices, size: int) -> AbstractVirtualPort:
    """A port of ``size`` entries that has this one's at ``indices`` and 0 elsewhere, to connect to another."""
    return _derive(port, _Place(indices, size))


def _derive(port: AbstractPort, virtual: AbstractVirtualPort) -> AbstractVirtualPort:
    port._connect_forward([virtual], AbstractPort, [None], assert_same_shape=False)
    return virtual


class _Take(AbstractVirtualPort):
    def __init__(self, indices: Indices) -> None:
        super().__init__((len(indices),))
        self._indices = indices

    def get_transform_func_fwd(self) -> partial[NDArray[Any]]:
        return partial(np.take, indices=self._indices)

    def get_transform_func_bwd(self) -> partial[NDArray[Any]]:
        raise NotImplementedError("nothing is sent backwards through a virtual port between an out-port and an in-port")


class _Place(AbstractVirtualPort):
    def __init__(self, indices: Indices, size: int) -> None:
        super().__init__((size,))
        self._indices = indices

    def get_transform_func_fwd(self) -> partial[NDArray[Any]]:
        return partial(_placed, indices=self._indices, size=self.shape[0])

    def get_transform_func_bwd(self) -> partial[NDArray[Any]]:
        raise NotImplementedError("nothing is sent backwards through a virtual port between an out-port and an in-port")


def _placed(values: NDArray[Any], indices: Indices, size: int) -> NDArray[Any]:
    vector = np.zeros(size, dtype=values.dtype)
    vector[indices] = values
    return vector
