"""Linear maps by their entries that are not 0: what layers between two groups of neurons come to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SparseMap:
    """``y[target[n]] += weight[n]·x[source[n]]``; no pair of source and target comes twice.

    Attributes
    ----------
    sources, targets
        Sizes of x and y.
    """

    sources: int
    targets: int
    source: Indices
    target: Indices
    weight: Array

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
            first.sources, self.targets, first.source[which], self.target[mine], first.weight[which] * self.weight[mine]
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
        return SparseMap(self.sources, self.targets, self.source, self.target, self.weight * factor[self.target])

    def of(self, values: Array) -> Array:
        """The map of one vector."""
        return np.bincount(self.target, self.weight * values[self.source], self.targets).astype(np.float64)

    def part(self, sources: Indices, targets: Indices) -> SparseMap:
        """Between some of the sources and some of the targets, numbered anew."""
        place_of_source = np.full(self.sources, -1)
        place_of_source[sources] = np.arange(len(sources))
        place_of_target = np.full(self.targets, -1)
        place_of_target[targets] = np.arange(len(targets))
        source, target = place_of_source[self.source], place_of_target[self.target]
        mine = (source >= 0) & (target >= 0)
        return SparseMap(len(sources), len(targets), source[mine], target[mine], self.weight[mine])
