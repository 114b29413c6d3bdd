"""The resources that a part of a population asks of its core, and those of several parts together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_profiles.capacity import Capacity
from hw_profiles.mapping.chip_mapping import Slice
from hw_profiles.mapping.core_resources import AXONS_IN, DELAY_SLOTS, FAN_OUT, FORMATS, GROUPS, NEURONS, SYNAPSE_WORDS
from hw_profiles.mapping.source_numbers import SourceNumbers
from hw_profiles.mapping.synapse_memory import StoredFormat, index_width
from hw_profiles.mapping.synapse_table import ListDemand, SynapseTable
from hw_profiles.network import ChipNetwork, NeuronParameters, Role


@dataclass(frozen=True, eq=False)
class SliceDemand:
    """The resources that some neurons of a population ask for.

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
    """The content of a core, without its output axons, which depend on all other cores.

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
    """The demands of any part of any population of ``network`` on a core of a chip.

    Source neurons are numbered through the whole network, population by population; after them come the host's values
    where they reach the chip as graded spikes, which need an axon and a synapse each.
    """

    def __init__(self, network: ChipNetwork, capacity: Capacity) -> None:
        self._capacity = capacity
        self._dense_lists = capacity.dense_synapse_lists is not None and capacity.dense_synapse_lists.value == 1
        self._groups = {item.name: (item.role, item.parameters) for item in network.populations}
        self._sources = SourceNumbers(network, capacity)
        self._slices: dict[Slice, SliceDemand] = {}
        self._tables: dict[str, SynapseTable] = {}
        alike: dict[tuple[object, ...], SynapseTable] = {}
        for population in network.populations:
            arriving = self._sources.arriving(population.name)
            key = (population.size, *((source, id(synapses)) for source, synapses in arriving))
            if key not in alike:
                alike[key] = SynapseTable(population.size, arriving)
            self._tables[population.name] = alike[key]

    @property
    def axons(self) -> int:
        """Source neurons, and values of the host that need an axon."""
        return self._sources.count

    def of_slice(self, part: Slice) -> SliceDemand:
        """The demand of ``part``."""
        if part not in self._slices:
            local = self._tables[part.population].part(part.first, part.end)
            numbers = self._sources.numbers(part.population, local.source, local.neuron)
            axons_of_lists = tuple(numbers[item.rows] for item in local.lists)
            axons = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *axons_of_lists]))
            group = self._groups[part.population]
            self._slices[part] = SliceDemand(part.size, group, axons, local.lists, axons_of_lists)
        return self._slices[part]

    def of_core(self, slices: Sequence[Slice]) -> CoreDemand:
        """The demand of a core that holds ``slices``.

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
