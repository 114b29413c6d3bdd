"""Put a network on a chip: relays, cores, places; or say every design rule that stands in the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dsf_common.errors import GateFailed, UserError
from hw_profiles.capacity import Capacity
from hw_profiles.mapping.chip_mapping import ChipMapping, Core, LayerUse, Place, ResourceUse, Slice
from hw_profiles.mapping.classify import classify
from hw_profiles.mapping.core_resources import AXONS_OUT
from hw_profiles.mapping.demand import CoreDemand, Demands, slots_for
from hw_profiles.mapping.partition import Method, Pieces, partition, split
from hw_profiles.mapping.placement import Mesh, hops, place_cores
from hw_profiles.mapping.relays import insert_relays, relay_count
from hw_profiles.mapping.rules import (
    Limits,
    Violation,
    chip_rule,
    chips_needed,
    core_limits,
    core_rule,
    core_violations,
    network_violations,
)
from hw_profiles.mapping.source_numbers import carries_values
from hw_profiles.mapping.spread import (
    ENOUGH,
    LADDER,
    Objective,
    Prices,
    Spikes,
    cost_of,
    divide_further,
    loads,
    longest_load,
    running_sums,
)
from hw_profiles.mapping.traffic import Traffic, traffic_of
from hw_profiles.network import ChipNetwork, Population
from hw_profiles.profile import Profile

BYTES_PER_KB = 1000
NEVER_ZERO = (
    "cores_per_chip",
    "chips_per_board",
    "mesh_columns",
    "mesh_rows",
    "cores_per_tile",
    "word_bits",
    "synapses_per_axon_block",
)


def map_network(
    network: ChipNetwork,
    profile: Profile,
    method: Method = "dynamic",
    spikes: Mapping[str, float] | None = None,
    objective: Objective = Objective.energy,
    copies: int = 1,
) -> ChipMapping:
    """Place ``network`` on the chip of ``profile``.

    Parameters
    ----------
    spikes
        Spikes of each of the program's populations in one decision, by which messages are weighed when cores are cut
        and placed; without them every neuron counts alike.
    objective
        What neurons are spread over the chip's free cores for. Where there are no spikes, or the profile has no times,
        nothing tells how long a core takes, and the cores are as few as can be.
    copies
        Networks like this one that share the chips and their static power, each with its share of the cores.

    Raises
    ------
    GateFailed
        The network breaks design rules: each one with its layer, value, limit and what to change.
    UserError
        The profile does not describe a chip that a network can be placed on.
    """
    capacity = _capacity(profile)
    _refuse(network_violations(network, capacity), network, profile)
    if copies < 1:
        raise UserError(f"copies must be at least 1, got {copies}")
    best = _best_divided(network, capacity, method, spikes)
    _refuse([*best.broken, *chip_rule(network.name, copies * len(best.pieces), capacity)], network, profile)
    rates = _rates(best.network, spikes)
    if objective is not Objective.cores and spikes is not None:
        best = _spread(best, profile, rates, objective, copies)
    places = place_cores(best.traffic.between_cores(rates), Mesh.of(capacity))
    return _mapping(best, profile, method, places, copies)


@dataclass(frozen=True, eq=False)
class _Divided:
    """A network cut into cores, before they have places."""

    network: ChipNetwork
    demands: Demands
    limits: Limits
    pieces: Pieces
    traffic: Traffic
    core_demands: tuple[CoreDemand, ...]
    uses: tuple[dict[str, int], ...]
    broken: tuple[Violation, ...]


def _best_divided(
    network: ChipNetwork, capacity: Capacity, method: Method, spikes: Mapping[str, float] | None
) -> _Divided:
    """Without broken rules, on the fewest chips, with the fewest relays: the first of those that reaches one chip."""
    best: tuple[tuple[int, int], _Divided] | None = None
    for longest_delay in _longest_delays(network, capacity):
        divided = _divide(insert_relays(network, longest_delay), capacity, method, spikes)
        cost = (len(divided.broken), chips_needed(len(divided.pieces), capacity))
        if best is None or cost < best[0]:
            best = (cost, divided)
        if best[0] == (0, 1):
            break
    assert best is not None
    return best[1]


def _spread(divided: _Divided, profile: Profile, rates: Sequence[float], objective: Objective, copies: int) -> _Divided:
    """The cheapest of ever finer divisions of ``divided``, on as many chips."""
    capacity = _capacity(profile)
    chips = chips_needed(copies * len(divided.pieces), capacity)
    prices = Prices.of(profile, chips, copies)
    if prices is None or capacity.cores_per_chip is None:
        return divided
    most = chips * round(capacity.cores_per_chip.value) // copies
    network, spikes = divided.network, Spikes.of(divided.network, rates)
    load = loads(network, spikes, prices.time)
    running = running_sums(load)
    best: tuple[Pieces, Traffic] | None = None
    least = cost_of(divided.pieces, network, divided.traffic, spikes, load, prices).of(objective)
    longest = longest_load(divided.pieces, network, load)
    tried = len(divided.pieces)
    while longest > ENOUGH * prices.shortest_step:
        longest *= LADDER
        pieces = divide_further(divided.pieces, network, running, longest, most)
        if pieces is None:
            break
        if len(pieces) > tried:
            tried = len(pieces)
            finer, traffic = _keep_output_axons(network, pieces, divided.limits)
            cost = cost_of(finer, network, traffic, spikes, load, prices).of(objective)
            if cost < least and len(finer) <= most:
                best, least = (finer, traffic), cost
    return divided if best is None else _completed(network, divided.demands, divided.limits, *best)


def _longest_delays(network: ChipNetwork, capacity: Capacity) -> list[int]:
    """Longest delays to allow before a relay, longest first: the one with the fewest relays, and those worth a try.

    Where delay slots are limited, a shorter delay leaves room for more neurons on a core and takes more relays.
    """
    asked = max((int(item.synapses.delay.max(initial=0)) for item in network.projections), default=0)
    longest = asked if capacity.longest_delay is None else min(asked, round(capacity.longest_delay.value))
    choices = [longest]
    if capacity.delay_slots_per_core is not None and capacity.neurons_per_core is not None:
        slots = slots_for(longest) // 2
        while slots >= 4 and 2 * slots * capacity.neurons_per_core.value > capacity.delay_slots_per_core.value:
            choices.append(slots - 2)
            slots //= 2
    return choices


def _divide(network: ChipNetwork, capacity: Capacity, method: Method, spikes: Mapping[str, float] | None) -> _Divided:
    demands, limits = Demands(network, capacity), core_limits(capacity)
    rates = None
    if spikes is not None:
        by_population = zip(network.populations, _rates(network, spikes), strict=True)
        rates = {population.origin: rate for population, rate in by_population}
    cut = partition(network, demands, limits, method, rates)
    return _completed(network, demands, limits, *_keep_output_axons(network, cut, limits))


def _completed(network: ChipNetwork, demands: Demands, limits: Limits, pieces: Pieces, traffic: Traffic) -> _Divided:
    """A division with what each core needs."""
    core_demands = tuple(demands.of_core(slices) for slices in pieces)
    uses = tuple(_uses(demand, int(out)) for demand, out in zip(core_demands, traffic.axons_out, strict=True))
    broken = tuple(
        item for slices, used in zip(pieces, uses, strict=True) for item in core_rule(_title(slices), used, limits)
    )
    return _Divided(network, demands, limits, pieces, traffic, core_demands, uses, broken)


def _capacity(profile: Profile) -> Capacity:
    if profile.capacity is None:
        raise UserError(
            f"profile {profile.name} gives no capacity, so nothing can be placed on it; choose a chip's profile"
        )
    for key in NEVER_ZERO:
        figure = getattr(profile.capacity, key)
        if figure is not None and round(figure.value) < 1:
            raise UserError(f"profile {profile.name} has capacity.{key} {figure.value:g}; give 1 or more")
    missing = profile.capacity.missing_for_mapping
    if missing:
        raise UserError(
            f"profile {profile.name} lacks capacity.{missing[0]}, without which nothing can be placed; add it"
        )
    return profile.capacity


def _rates(network: ChipNetwork, spikes: Mapping[str, float] | None) -> list[float]:
    """Spikes of a neuron of each population."""
    if spikes is None:
        return [1.0] * len(network.populations)
    sizes: dict[str, int] = {}
    for population in network.populations:
        sizes.setdefault(population.origin, population.size)
    return [spikes.get(item.origin, 0.0) / sizes[item.origin] for item in network.populations]


def _refuse(violations: Sequence[Violation], network: ChipNetwork, profile: Profile) -> None:
    if violations:
        sentences = "; ".join(dict.fromkeys(violation.sentence for violation in violations))
        raise GateFailed(f"{network.name} does not fit {profile.name}: {sentences}")


def _title(slices: Sequence[Slice]) -> str:
    return " with ".join(part.population for part in slices)


def _keep_output_axons(network: ChipNetwork, pieces: Pieces, limits: Limits) -> tuple[Pieces, Traffic]:
    """Halve cores that send to too many others: output axons depend on how all the rest is divided."""
    while True:
        traffic = traffic_of(network, pieces)
        divided: Pieces = []
        for slices, axons in zip(pieces, traffic.axons_out, strict=True):
            divided += _halves(slices) if core_violations({AXONS_OUT: int(axons)}, limits) else [slices]
        if len(divided) == len(pieces):
            return pieces, traffic
        pieces = divided


def _halves(slices: tuple[Slice, ...]) -> Pieces:
    """Two cores of nearly as many neurons each, or the one if it has a single neuron."""
    if len(slices) > 1:
        middle = len(slices) // 2
        return [slices[:middle], slices[middle:]]
    ranges = split(slices[0].first, slices[0].end, 2)
    return [(Slice(slices[0].population, first, end),) for first, end in ranges]


def _uses(demand: CoreDemand, axons_out: int) -> dict[str, int]:
    return {**demand.uses, AXONS_OUT: axons_out}


def _mapping(divided: _Divided, profile: Profile, method: Method, places: Sequence[Place], copies: int) -> ChipMapping:
    capacity, network, traffic = _capacity(profile), divided.network, divided.traffic
    cores = tuple(
        Core(place, slices, _resource_uses(used, divided.limits))
        for place, slices, used in zip(places, divided.pieces, divided.uses, strict=True)
    )
    across, along, chips = (traffic.mean_over_messages(apart) for apart in hops(places, Mesh.of(capacity).columns))
    chip_count = chips_needed(copies * len(cores), capacity)
    board = round(capacity.chips_per_board.value) if capacity.chips_per_board is not None else chip_count
    return ChipMapping(
        network=network,
        profile=profile.name,
        method=method,
        cores=cores,
        chips=chip_count,
        copies=copies,
        boards=-(-chip_count // board),
        relays=relay_count(network),
        synops_per_spike=traffic.synops_per_spike,
        messages_per_spike=traffic.messages_per_spike,
        hops_ew=across,
        hops_ns=along,
        chip_crossings=chips,
        neurons_of_core=traffic.neurons_of_core,
        host_messages=_host_messages(network, capacity),
        operations=classify(network, capacity),
        utilisation=tuple(
            _layer_use(column, population, cores, divided, capacity)
            for column, population in enumerate(network.populations)
        ),
    )


def _resource_uses(used: Mapping[str, int], limits: Limits) -> dict[str, ResourceUse]:
    return {resource: ResourceUse(value, limits.get(resource)) for resource, value in used.items()}


def _host_messages(network: ChipNetwork, capacity: Capacity) -> int:
    """A graded spike a neuron and active time step; or its bias written at the first and cleared after the last."""
    times = network.active_steps if carries_values(capacity) else 2
    return times * sum(current.size for current in network.host_currents)


def _layer_use(
    column: int, population: Population, cores: Sequence[Core], divided: _Divided, capacity: Capacity
) -> LayerUse:
    lies_on = [
        (core, demand)
        for core, demand in zip(cores, divided.core_demands, strict=True)
        if any(part.population == population.name for part in core.slices)
    ]
    its_cores = [core for core, _ in lies_on]
    binding = max(its_cores[0].uses, key=lambda resource: max(core.uses[resource].fraction for core in its_cores))
    fullest = max(its_cores, key=lambda core: core.uses[binding].fraction)
    words, axons_in = 0, 0
    for core, demand in lies_on:
        for part, part_words in zip(core.slices, demand.words_of_slice, strict=True):
            if part.population == population.name:
                words += part_words
                axons_in += len(divided.demands.of_slice(part).axons)
    word_bits = round(capacity.word_bits.value) if capacity.word_bits is not None else 0
    return LayerUse(
        name=population.name,
        cores=len(its_cores),
        neurons_per_core=int(divided.traffic.neurons_of_core[:, column].max()),
        resources=fullest.uses,
        binding=binding,
        synapse_kb=words * word_bits / 8 / BYTES_PER_KB,
        axons_in=axons_in,
        axons_out=int(divided.traffic.senders[column].neurons.sum()),
    )
