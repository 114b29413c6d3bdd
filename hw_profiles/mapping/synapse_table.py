"""Running counts over a population's synapses, from which the lists of any part of it follow at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hw_profiles.capacity import Capacity
from hw_profiles.mapping.synapse_memory import list_words, weight_width
from hw_profiles.network import SynapseList


@dataclass(frozen=True, eq=False)
class ListDemand:
    """Synapse lists of one power of two in a part of a population.

    Attributes
    ----------
    weight_bits, longest_delay
        Width in which the widest weight is stored; delay of the synapse with the longest one, in time steps.
    consecutive
        Each list's targets follow one another, so it can do without indices.
    rows
        Where each list's source neuron stands among the rows of the part's table.
    lengths
        Synapses of each list.
    """

    exponent: int
    weight_bits: int
    longest_delay: int
    consecutive: bool
    rows: NDArray[np.int64]
    lengths: NDArray[np.int64]
    _words: dict[int, tuple[int, NDArray[np.int64]]] = field(default_factory=dict)

    def words(self, synapse_bits: int, capacity: Capacity) -> tuple[int, NDArray[np.int64]]:
        """Words of all lists and of each, at so many bits a synapse; remembered, since cuts are tried often."""
        if synapse_bits not in self._words:
            words = list_words(self.lengths, synapse_bits, capacity)
            self._words[synapse_bits] = int(words.sum()), words
        return self._words[synapse_bits]


@dataclass(frozen=True, eq=False)
class LocalDemand:
    """A slice's lists before their sources are numbered: source and neuron of each row of the population's table."""

    source: NDArray[np.int64]
    neuron: NDArray[np.int64]
    lists: tuple[ListDemand, ...]


@dataclass(eq=False)
class SynapseTable:
    """Running counts over a population's neurons, from which any part's demand is a difference of two columns.

    A row is the list of one source neuron and one power of two. Copies of a population in a window share a table.
    """

    size: int
    arriving: Sequence[tuple[int, SynapseList]]
    _parts: dict[tuple[int, int], LocalDemand] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = [np.zeros((6, 0), dtype=np.int64), *(_columns(source, item) for source, item in self.arriving)]
        source, neuron, exponent, weight_bits, target, delay = np.concatenate(columns, axis=1)
        self._exponents, kind = np.unique(exponent, return_inverse=True)
        rows, row = np.unique(np.stack([source, neuron, kind]), axis=1, return_inverse=True)
        self._row_source, self._row_neuron, self._row_kind = rows
        shape = (rows.shape[1], self.size)
        here = np.zeros(shape, dtype=np.int32)
        np.add.at(here, (row.reshape(-1), target), 1)
        self._present = here > 0
        self._synapses = _running(here)
        self._starts = _running(self._present & ~np.pad(self._present[:, :-1], ((0, 0), (1, 0))))
        self._doubled = _running(here > 1)
        self._weight_bits = _largest(weight_bits, kind, target, (len(self._exponents), self.size))
        self._longest_delay = _largest(delay, kind, target, (len(self._exponents), self.size))

    def part(self, first: int, end: int) -> LocalDemand:
        """The synapse lists of neurons ``first`` … ``end − 1``."""
        if (first, end) not in self._parts:
            self._parts[first, end] = self._part(first, end)
        return self._parts[first, end]

    def _part(self, first: int, end: int) -> LocalDemand:
        synapses = self._synapses[:, end] - self._synapses[:, first]
        runs = self._starts[:, end] - self._starts[:, first] + self._continues(first)
        doubled = self._doubled[:, end] - self._doubled[:, first]
        scattered = (runs > 1) | (doubled > 0)
        lists = []
        for kind, exponent in enumerate(self._exponents.tolist()):
            rows = np.flatnonzero((self._row_kind == kind) & (synapses > 0))
            if len(rows):
                lists.append(
                    ListDemand(
                        exponent=exponent,
                        weight_bits=weight_width(int(self._weight_bits[kind, first:end].max())),
                        longest_delay=int(self._longest_delay[kind, first:end].max()),
                        consecutive=not scattered[rows].any(),
                        rows=rows,
                        lengths=synapses[rows].astype(np.int64),
                    )
                )
        return LocalDemand(self._row_source, self._row_neuron, tuple(lists))

    def _continues(self, first: int) -> NDArray[np.bool_]:
        """Rows whose run of consecutive targets began before ``first`` and goes on there."""
        before = self._present[:, first - 1] if first else np.zeros(len(self._present), dtype=bool)
        goes_on: NDArray[np.bool_] = before & self._present[:, first]
        return goes_on


def _running(counts: NDArray[np.generic]) -> NDArray[np.int32]:
    """Sums up to each column, (rows, columns + 1)."""
    return np.pad(np.cumsum(counts, axis=1, dtype=np.int32), ((0, 0), (1, 0)))


def _columns(source: int, synapses: SynapseList) -> NDArray[np.int64]:
    """Source, its neuron, exponent, bits, target and delay of every synapse, (6, synapses)."""
    bits, exponents = np.array([(item.weight_bits, item.exponent) for item in synapses.formats], dtype=np.int64).T
    return np.stack(
        [
            np.full(synapses.count, source, dtype=np.int64),
            synapses.source_index,
            exponents[synapses.format_index],
            bits[synapses.format_index],
            synapses.target_index,
            synapses.delay,
        ]
    )


def _largest(
    values: NDArray[np.int64], kind: NDArray[np.int64], target: NDArray[np.int64], shape: tuple[int, int]
) -> NDArray[np.int64]:
    """The largest of the values at each kind and target, 0 where there is none, (kinds, targets)."""
    largest = np.zeros(shape, dtype=np.int64)
    np.maximum.at(largest, (kind, target), values)
    return largest
