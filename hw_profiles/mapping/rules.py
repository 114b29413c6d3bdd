"""A chip's design rules, one small function each; a broken one names layer, value, limit and what to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from hw_profiles.capacity import Capacity
from hw_profiles.figure import Figure
from hw_profiles.mapping.core_resources import (
    AXONS_IN,
    AXONS_OUT,
    DELAY_SLOTS,
    FAN_OUT,
    FORMATS,
    GROUPS,
    NEURONS,
    SYNAPSE_WORDS,
)
from hw_profiles.mapping.source_numbers import carries_values
from hw_profiles.network import ChipNetwork, Role

Limits = Mapping[str, int]

REMEDIES = {
    NEURONS: "spread the layer over more cores",
    SYNAPSE_WORDS: "export with fewer bits a weight, or narrow the layers that it listens to",
    FAN_OUT: "export with fewer bits a weight or fewer exponents a layer",
    AXONS_IN: "narrow the layers that it listens to",
    AXONS_OUT: "narrow the layer, so that it is read by fewer cores",
    FORMATS: "export with fewer exponents a layer",
    GROUPS: "give layers that share a core the same decays and threshold",
    DELAY_SLOTS: "shorten the delays by relays",
}
NEVER_FIRES = (Role.accumulator, Role.bias, Role.input)  # their thresholds are never compared with anything


@dataclass(frozen=True)
class Violation:
    """A broken design rule."""

    layer: str
    what: str
    value: int
    limit: int
    change: str

    @property
    def sentence(self) -> str:
        """One sentence for a person."""
        return f"{self.layer} has {self.what} {self.value}, the chip allows {self.limit}; {self.change}"


def core_limits(capacity: Capacity) -> dict[str, int]:
    """A core's limit of each resource that the chip limits."""
    figures = {
        NEURONS: capacity.neurons_per_core,
        SYNAPSE_WORDS: capacity.synapse_words_per_core,
        FAN_OUT: capacity.words_per_axon,
        AXONS_IN: capacity.axons_in_per_core,
        AXONS_OUT: capacity.axons_out_per_core,
        FORMATS: capacity.synapse_formats_per_core,
        GROUPS: capacity.neuron_groups_per_core,
        DELAY_SLOTS: capacity.delay_slots_per_core,
    }
    return {resource: round(figure.value) for resource, figure in figures.items() if figure is not None}


def core_violations(uses: Mapping[str, int], limits: Limits) -> list[str]:
    """Resources of which a core would need more than it has."""
    return [resource for resource, used in uses.items() if resource in limits and used > limits[resource]]


def core_rule(layer: str, uses: Mapping[str, int], limits: Limits) -> Iterator[Violation]:
    """A core holds no more of any resource than it has."""
    for resource in core_violations(uses, limits):
        yield Violation(layer, f"{resource} a core", uses[resource], limits[resource], REMEDIES[resource])


def chip_rule(name: str, cores: int, capacity: Capacity) -> Iterator[Violation]:
    """All cores are on the chips of one board."""
    chips = chips_needed(cores, capacity)
    if capacity.chips_per_board is not None and chips > capacity.chips_per_board.value:
        limit = round(capacity.chips_per_board.value)
        yield Violation(name, "chips", chips, limit, "use a smaller network, or the stream layout")


def chips_needed(cores: int, capacity: Capacity) -> int:
    """Chips for so many cores."""
    return -(-cores // round(capacity.cores_per_chip.value)) if capacity.cores_per_chip is not None else 1


def network_violations(network: ChipNetwork, capacity: Capacity) -> list[Violation]:
    """Every rule about formats and ranges that the network breaks, wherever its neurons lie."""
    return [violation for rule in NETWORK_RULES for violation in rule(network, capacity)]


def weight_rule(network: ChipNetwork, capacity: Capacity) -> Iterator[Violation]:
    """Weights are no wider than the chip's."""
    for projection in network.projections:
        widest = max((item.weight_bits for item in projection.synapses.formats), default=0)
        title = f"{projection.source} -> {projection.target}"
        yield from _above(title, "weight bits", widest, capacity.weight_bits, "export with fewer bits a weight")


def exponent_rule(network: ChipNetwork, capacity: Capacity) -> Iterator[Violation]:
    """Weights' powers of two are in the chip's range."""
    low, high = capacity.smallest_weight_exponent, capacity.largest_weight_exponent
    for projection in network.projections:
        title = f"{projection.source} -> {projection.target}"
        for exponent in sorted({item.exponent for item in projection.synapses.formats}):
            yield from _above(title, "a weight exponent of", exponent, high, "scale the layer's weights down")
            if low is not None and exponent < low.value:
                limit, change = round(low.value), "scale the layer's weights up"
                yield Violation(title, "a weight exponent of", exponent, limit, change)


def threshold_rule(network: ChipNetwork, capacity: Capacity) -> Iterator[Violation]:
    """Thresholds fit the chip's mantissa."""
    for population in network.populations:
        if population.role not in NEVER_FIRES:
            bits = population.parameters.threshold.bit_length()
            yield from _above(population.name, "threshold bits", bits, capacity.threshold_bits, "scale the layer down")


def decay_rule(network: ChipNetwork, capacity: Capacity) -> Iterator[Violation]:
    """Decays fit the chip's mantissa."""
    for population in network.populations:
        parameters = population.parameters
        bits = max(parameters.current_decay, parameters.voltage_decay).bit_length()
        yield from _above(population.name, "decay bits", bits, capacity.decay_bits, "export with coarser decays")


def state_rule(network: ChipNetwork, capacity: Capacity) -> Iterator[Violation]:
    """Currents and voltages have as many bits as the chip's."""
    for population in network.populations:
        bits = population.parameters.state_bits
        yield from _above(population.name, "state bits", bits, capacity.state_bits, "scale the layer down")


def host_current_rule(network: ChipNetwork, capacity: Capacity) -> Iterator[Violation]:
    """Where the host's values come as graded spikes, they fit one; elsewhere they are written into neurons' biases."""
    if carries_values(capacity):
        for current in network.host_currents:
            change = "export with a coarser token current"
            yield from _above(current.target, "host value bits", current.value_bits, capacity.payload_bits, change)


def product_rule(network: ChipNetwork, capacity: Capacity) -> Iterator[Violation]:
    """Products of two signals need neurons that multiply."""
    for population in network.populations:
        if population.role is Role.product:
            change = "use a token mixing without products (pssa, delay or delay-matrix), or a chip that has them"
            yield from _above(
                population.name, "product neurons", population.size, _products(capacity, population.size), change
            )


def payload_rule(network: ChipNetwork, capacity: Capacity) -> Iterator[Violation]:
    """Graded spikes carry no more than the chip's."""
    for population in network.populations:
        bits, change = population.parameters.payload_bits, "export with --chip portable, whose scores are digits"
        yield from _above(population.name, "graded spike bits", bits, capacity.payload_bits, change)


def _products(capacity: Capacity, wanted: int) -> int:
    return wanted if capacity.product_neurons is not None and capacity.product_neurons.value == 1 else 0


def _above(layer: str, what: str, value: int, limit: Figure | int | None, change: str) -> Iterator[Violation]:
    if limit is None:
        return
    number = limit if isinstance(limit, int) else round(limit.value)
    if value > number:
        yield Violation(layer, what, value, number, change)


NETWORK_RULES: tuple[Callable[[ChipNetwork, Capacity], Iterator[Violation]], ...] = (
    weight_rule,
    exponent_rule,
    threshold_rule,
    decay_rule,
    state_rule,
    host_current_rule,
    product_rule,
    payload_rule,
)
