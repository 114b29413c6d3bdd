"""The load of a core, counted synapse by synapse: the mapper's answer is compared with this, never with itself."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from hw_profiles.capacity import Capacity
from hw_profiles.figure import Figure
from hw_profiles.mapping import Slice
from hw_profiles.network import ChipNetwork

INDEX_WIDTHS = (0, 6, 7, 8, 9, 10, 11, 12)
WEIGHT_WIDTHS = (1, 2, 3, 4, 5, 6, 8)


def number(figure: Figure | None) -> int:
    """A figure's value; it must be there."""
    assert figure is not None
    return round(figure.value)


def axon_words(synapses: int, bits: int, block: int = 64, header: int = 10, word: int = 64) -> int:
    """Words of one list: nengo-loihi's ``bits_per_axon``, block by block."""
    words = 0
    while synapses > 0:
        words += math.ceil((min(synapses, block) * bits + header) / word)
        synapses -= block
    return words


def recount(network: ChipNetwork, slices: Sequence[Slice], capacity: Capacity) -> dict[str, int]:
    """Used, by resource, without output axons."""
    neurons = sum(part.end - part.first for part in slices)
    lists: dict[tuple[int, object, int, int], list[int]] = defaultdict(list)  # part, source, its neuron, exponent
    weight_bits: dict[int, int] = defaultdict(int)
    longest: dict[int, int] = defaultdict(int)
    for position, part in enumerate(slices):
        for projection in network.projections:
            if projection.target != part.population:
                continue
            arrays = projection.synapses
            columns = (arrays.source_index, arrays.target_index, arrays.delay, arrays.format_index)
            for source, target, delay, form in zip(*(column.tolist() for column in columns), strict=True):
                if part.first <= target < part.end:
                    stored = arrays.formats[form]
                    lists[position, projection.source, source, stored.exponent].append(target)
                    width = next(width for width in WEIGHT_WIDTHS if width >= stored.weight_bits)
                    weight_bits[stored.exponent] = max(weight_bits[stored.exponent], width)
                    longest[stored.exponent] = max(longest[stored.exponent], delay)
        if number(capacity.payload_bits) > 0:
            for order, current in enumerate(network.host_currents):
                if current.target == part.population:
                    for neuron in range(part.first, part.end):
                        lists[position, ("host", order), neuron, current.exponent].append(neuron)
                    weight_bits[current.exponent] = 8
    index = next(width for width in INDEX_WIDTHS if 2**width >= neurons)
    indexed = {
        exponent
        for exponent in weight_bits
        if number(capacity.dense_synapse_lists) == 0
        or any(
            sorted(targets) != list(range(min(targets), min(targets) + len(targets)))
            for key, targets in lists.items()
            if key[3] == exponent
        )
    }
    words = {
        key: axon_words(
            len(targets),
            weight_bits[key[3]] + longest[key[3]].bit_length() + (index if key[3] in indexed else 0),
        )
        for key, targets in lists.items()
    }
    words_of_axon: dict[tuple[object, int], int] = defaultdict(int)
    for key, count in words.items():
        words_of_axon[key[1], key[2]] += count
    slots = 2
    while slots - 2 < max(longest.values(), default=0):
        slots *= 2
    parameters = {
        (network.population(part.population).role, network.population(part.population).parameters) for part in slices
    }
    return {
        "neurons": neurons,
        "synapse words": sum(words.values()),
        "words an axon": max(words_of_axon.values(), default=0),
        "input axons": len({key[1:3] for key in lists}),
        "synapse formats": len(weight_bits),
        "neuron groups": len(parameters),
        "delay slots": neurons * slots,
    }


def output_axons(network: ChipNetwork, cores: Sequence[Sequence[Slice]]) -> list[int]:
    """Output axons of each core: pairs of its neurons and the cores on which they have a synapse."""
    home = {
        (part.population, neuron): core
        for core, slices in enumerate(cores)
        for part in slices
        for neuron in range(part.first, part.end)
    }
    pairs = {
        (projection.source, source, home[projection.target, target])
        for projection in network.projections
        for source, target in zip(
            projection.synapses.source_index.tolist(), projection.synapses.target_index.tolist(), strict=True
        )
    }
    axons = [0] * len(cores)
    for source, neuron, _ in pairs:
        axons[home[source, neuron]] += 1
    return axons
