"""What a part of a population asks of the core it lies on, and what several parts together do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hw_profiles.mapping.chip_mapping import Slice
from hw_profiles.mapping.synapse_memory import StoredFormat, index_width, list_words, weight_width
from hw_profiles.network import ChipNetwork, HostCurrent, NeuronParameters, Role, SynapseFormat, SynapseList
from hw_profiles.profile import Capacity

NEURONS, SYNAPSE_WORDS, AXONS_IN = "neurons", "synapse words", "input axons"
AXONS_OUT, FORMATS, GROUPS, DELAY_SLOTS = "output axons", "synapse formats", "neuron groups", "delay slots"
FAN_OUT = "words an axon"


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
class SliceDemand:
    """What some neurons of a population ask for.

    Attributes
    ----------
    axons
        Numbers, all sorted, of the source neurons with a synapse here, among all of the network's.
    axons_of_lists
        Numbers of the source neurons of each of ``lists``, list by list.
    """

    neurons: int
    group: tuple[Role, NeuronParameters]
    axons: NDArray[np.int64]
    lists: tuple[ListDemand, ...]
    axons_of_lists: tuple[NDArray[np.int64], ...]


@dataclass(frozen=True, eq=False)
class CoreDemand:
    """What a core has to hold, without its output axons, which depend on all other cores.

    Attributes
    ----------
    words_of_slice
        Words of the synapse lists of each part, in order.
    words_of_axon
        Words of all lists of the axon with the most.
    axons
        Numbers of the source neurons.
    delay_slots
        Neurons times the slots that each needs for currents that are still to come.
    """

    neurons: int
    words_of_slice: tuple[int, ...]
    words_of_axon: int
    axons: NDArray[np.int64]
    formats: tuple[StoredFormat, ...]
    groups: int
    delay_slots: int

    @property
    def uses(self) -> dict[str, int]:
        """Used, by resource."""
        return {
            NEURONS: self.neurons,
            SYNAPSE_WORDS: sum(self.words_of_slice),
            FAN_OUT: self.words_of_axon,
            AXONS_IN: len(self.axons),
            FORMATS: len(self.formats),
            GROUPS: self.groups,
            DELAY_SLOTS: self.delay_slots,
        }


class Demands:
    """What any part of any population of ``network`` asks of a core of a chip.

    Source neurons are numbered through the whole network, population by population; after them come the host's values
    where they reach the chip as graded spikes, which need an axon and a synapse each.
    """

    def __init__(self, network: ChipNetwork, capacity: Capacity) -> None:
        self._capacity = capacity
        self._dense_lists = capacity.dense_synapse_lists is not None and capacity.dense_synapse_lists.value == 1
        self._groups = {item.name: (item.role, item.parameters) for item in network.populations}
        self._sources = _Sources(network, capacity)
        self._slices: dict[Slice, SliceDemand] = {}
        self._tables: dict[str, _Table] = {}
        alike: dict[tuple[object, ...], _Table] = {}
        for population in network.populations:
            arriving = self._sources.arriving(population.name)
            key = (population.size, *((source, id(synapses)) for source, synapses in arriving))
            if key not in alike:
                alike[key] = _Table(population.size, arriving)
            self._tables[population.name] = alike[key]

    @property
    def axons(self) -> int:
        """Source neurons, and values of the host that need an axon."""
        return self._sources.count

    def of_slice(self, part: Slice) -> SliceDemand:
        """What ``part`` asks for."""
        if part not in self._slices:
            local = self._tables[part.population].part(part.first, part.end)
            numbers = self._sources.numbers(part.population, local.source, local.neuron)
            axons_of_lists = tuple(numbers[item.rows] for item in local.lists)
            axons = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *axons_of_lists]))
            group = self._groups[part.population]
            self._slices[part] = SliceDemand(part.size, group, axons, local.lists, axons_of_lists)
        return self._slices[part]

    def of_core(self, slices: Sequence[Slice]) -> CoreDemand:
        """What a core with ``slices`` has to hold.

        Each power of two has one synapse format: as wide as its widest weight, with as wide a delay field as its
        longest delay needs, without indices if the chip knows such lists and all of it are to consecutive neurons. So a
        core has as few formats as there can be. Each part of a population has its own lists.
        """
        parts = [self.of_slice(part) for part in slices]
        neurons = sum(part.neurons for part in parts)
        formats = self._stored_formats(parts, index_width(neurons))
        words = [
            [item.words(formats[item.exponent].synapse_bits, self._capacity) for item in part.lists] for part in parts
        ]
        longest_delay = max((item.longest_delay for part in parts for item in part.lists), default=0)
        return CoreDemand(
            neurons=neurons,
            words_of_slice=tuple(sum(total for total, _ in lists) for lists in words),
            words_of_axon=self._most_words(parts, [each for lists in words for _, each in lists]),
            axons=self.axons_of_core(slices),
            formats=tuple(formats.values()),
            groups=len({part.group for part in parts}),
            delay_slots=neurons * slots_for(longest_delay),
        )

    def _most_words(self, parts: Sequence[SliceDemand], words: Sequence[NDArray[np.int64]]) -> int:
        """Words of the axon with the most, from those of all lists of all parts in order."""
        axons = [numbers for part in parts for numbers in part.axons_of_lists]
        if not axons:
            return 0
        return int(np.bincount(np.concatenate(axons), np.concatenate(words)).max())

    def axons_of_core(self, slices: Sequence[Slice]) -> NDArray[np.int64]:
        """Numbers, all sorted, of the source neurons with a synapse on a core with ``slices``."""
        parts = [self.of_slice(part) for part in slices]
        if len(parts) == 1:
            return parts[0].axons
        heard = np.zeros(self.axons, dtype=bool)
        for part in parts:
            heard[part.axons] = True
        return np.flatnonzero(heard)

    def _stored_formats(self, parts: Sequence[SliceDemand], index_bits: int) -> dict[int, StoredFormat]:
        formats: dict[int, StoredFormat] = {}
        for item in (item for part in parts for item in part.lists):
            before = formats.get(item.exponent, StoredFormat(0, 0, 0, item.exponent))
            formats[item.exponent] = StoredFormat(
                weight_bits=max(before.weight_bits, item.weight_bits),
                delay_bits=max(before.delay_bits, item.longest_delay.bit_length()),
                index_bits=before.index_bits if item.consecutive and self._dense_lists else index_bits,
                exponent=item.exponent,
            )
        return formats


def slots_for(longest_delay: int) -> int:
    """Delay slots of a neuron for such a delay: a power of two, two of which are for the present and the next step."""
    return 1 << (longest_delay + 1).bit_length()


class _Sources:
    """Numbers of source neurons, and what arrives at each population from its sources, numbered in their order."""

    def __init__(self, network: ChipNetwork, capacity: Capacity) -> None:
        self.count = 0
        self._first: dict[str, dict[str, int]] = {item.name: {} for item in network.populations}
        self._arriving: dict[str, list[tuple[int, SynapseList]]] = {item.name: [] for item in network.populations}
        numbers = {item.name: self._number(item.size) for item in network.populations}
        for projection in network.projections:
            if projection.synapses.count == 0:
                continue
            self._add(projection.source, numbers[projection.source], projection.target, projection.synapses)
        if carries_values(capacity):
            shared: dict[tuple[int, int], SynapseList] = {}
            for order, current in enumerate(network.host_currents):
                synapses = shared.setdefault((current.size, current.exponent), _of_current(current, capacity))
                self._add(f"host {order}", self._number(current.size), current.target, synapses)

    def _number(self, size: int) -> int:
        """The first of ``size`` new numbers."""
        self.count += size
        return self.count - size

    def _add(self, source: str, first: int, target: str, synapses: SynapseList) -> None:
        self._first[target].setdefault(source, first)
        self._arriving[target].append((list(self._first[target]).index(source), synapses))

    def arriving(self, population: str) -> list[tuple[int, SynapseList]]:
        return self._arriving[population]

    def numbers(self, population: str, source: NDArray[np.int64], neuron: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of neurons of sources of a population."""
        first = np.array([*self._first[population].values(), 0], dtype=np.int64)
        numbers: NDArray[np.int64] = first[source] + neuron
        return numbers


def carries_values(capacity: Capacity) -> bool:
    """Whether a spike of this chip may carry a value."""
    return capacity.payload_bits is not None and capacity.payload_bits.value > 0


def _of_current(current: HostCurrent, capacity: Capacity) -> SynapseList:
    neurons = np.arange(current.size, dtype=np.int32)
    bits = round(capacity.weight_bits.value) if capacity.weight_bits is not None else 1
    nothing = np.zeros_like(neurons)
    return SynapseList(neurons, neurons, nothing, nothing, (SynapseFormat(bits, current.exponent),))


@dataclass(frozen=True, eq=False)
class _LocalDemand:
    """A slice's lists before their sources are numbered: source and neuron of each row of the population's table."""

    source: NDArray[np.int64]
    neuron: NDArray[np.int64]
    lists: tuple[ListDemand, ...]


@dataclass(eq=False)
class _Table:
    """Running counts over a population's neurons, from which any part's demand is a difference of two columns.

    A row is the list of one source neuron and one power of two. Copies of a population in a window share a table.
    """

    size: int
    arriving: Sequence[tuple[int, SynapseList]]
    _parts: dict[tuple[int, int], _LocalDemand] = field(default_factory=dict)

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

    def part(self, first: int, end: int) -> _LocalDemand:
        """What neurons ``first`` … ``end − 1`` ask for."""
        if (first, end) not in self._parts:
            self._parts[first, end] = self._part(first, end)
        return self._parts[first, end]

    def _part(self, first: int, end: int) -> _LocalDemand:
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
        return _LocalDemand(self._row_source, self._row_neuron, tuple(lists))

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
