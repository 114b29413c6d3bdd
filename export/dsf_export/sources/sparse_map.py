"""Linear maps by their entries that are not 0: what layers between two groups of neurons come to."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.kernel import Kernel

Indices = NDArray[np.int64]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SparseMap:
    """``y[target[n]] += weight[n]·x[source[n]]``; no pair of source and target comes twice.

    Attributes
    ----------
    sources, targets
        Sizes of x and y.
    kernel
        The convolution that lists these entries, where it is one.
    """

    sources: int
    targets: int
    source: Indices
    target: Indices
    weight: Array
    kernel: Kernel | None = None

    @classmethod
    def dense(cls, weight: Array) -> SparseMap:
        """A matrix (targets, sources), its zeros left out."""
        target, source = np.nonzero(weight)
        return cls(weight.shape[1], weight.shape[0], source, target, weight[target, source])

    @classmethod
    def diagonal(cls, weight: Array) -> SparseMap:
        """Each entry by itself, zeros included."""
        place = np.arange(len(weight))
        return cls(len(weight), len(weight), place, place, np.asarray(weight, dtype=np.float64))

    @classmethod
    def convolution(cls, kernel: Kernel) -> SparseMap:
        """The entries of a convolution.

        Raises
        ------
        UserError
            The kernel does not fit its input, or has more entries than are handled.
        """
        source, target, weight = kernel.synapses()
        sizes = math.prod(kernel.shape), math.prod(kernel.output_shape)
        return cls(*sizes, source, target, weight.astype(np.float64), kernel)

    @property
    def is_identity(self) -> bool:
        """Whether y is x."""
        place = np.arange(self.sources)
        return (
            self.sources == self.targets
            and np.array_equal(self.source, place)
            and np.array_equal(self.target, place)
            and bool((self.weight == 1).all())
        )

    def after(self, first: SparseMap) -> SparseMap:
        """This map of what ``first`` gives."""
        order = np.argsort(self.source, kind="stable")
        starts = np.searchsorted(self.source[order], np.arange(self.sources + 1))
        counts = (starts[1:] - starts[:-1])[first.target]
        which = np.repeat(np.arange(len(first.target)), counts)
        begins = np.repeat(starts[:-1][first.target], counts)
        within = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        mine = order[begins + within]
        return SparseMap(
            first.sources,
            self.targets,
            first.source[which],
            self.target[mine],
            first.weight[which] * self.weight[mine],
            self.kernel if first.is_identity else first.kernel if self.is_identity else None,
        ).merged()

    def plus(self, other: SparseMap) -> SparseMap:
        """The sum of both."""
        return SparseMap(
            self.sources,
            self.targets,
            np.concatenate([self.source, other.source]),
            np.concatenate([self.target, other.target]),
            np.concatenate([self.weight, other.weight]),
        ).merged()

    def merged(self) -> SparseMap:
        """Each pair once."""
        key = self.target * self.sources + self.source
        unique, place = np.unique(key, return_inverse=True)
        if len(unique) == len(key):
            return self
        weight = np.bincount(place, self.weight, len(unique)).astype(np.float64)
        return SparseMap(self.sources, self.targets, unique % self.sources, unique // self.sources, weight)

    def scaled(self, factor: Array) -> SparseMap:
        """Each target's sum times its ``factor``, (targets,)."""
        return replace(self, weight=self.weight * factor[self.target], kernel=self._scaled_kernel(factor))

    def _scaled_kernel(self, factor: Array) -> Kernel | None:
        """The kernel of the scaled map, which has one where each channel has one factor."""
        if self.kernel is None:
            return None
        by_channel = factor.reshape(len(self.kernel.weight), -1)
        if (by_channel != by_channel[:, :1]).any():
            return None
        weight = np.asarray(self.kernel.weight, dtype=np.float64)
        return replace(self.kernel, weight=weight * by_channel[:, 0].reshape(-1, *[1] * (weight.ndim - 1)))

    def of(self, values: Array) -> Array:
        """The map of one vector."""
        return np.bincount(self.target, self.weight * values[self.source], self.targets).astype(np.float64)

    def part(self, sources: Indices, targets: Indices) -> SparseMap:
        """Between some of the sources and some of the targets, numbered anew."""
        if np.array_equal(sources, np.arange(self.sources)) and np.array_equal(targets, np.arange(self.targets)):
            return self
        place_of_source = np.full(self.sources, -1)
        place_of_source[sources] = np.arange(len(sources))
        place_of_target = np.full(self.targets, -1)
        place_of_target[targets] = np.arange(len(targets))
        source, target = place_of_source[self.source], place_of_target[self.target]
        mine = (source >= 0) & (target >= 0)
        return SparseMap(len(sources), len(targets), source[mine], target[mine], self.weight[mine])
