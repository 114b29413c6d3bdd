"""Neurons spread over free cores: as good as every division of a small network, and never worse than fewest cores."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from dsf_common.errors import GateFailed, UserError
from hw_profiles.chip_events import chip_events
from hw_profiles.energy import STATIC, estimate_chip_energy
from hw_profiles.loader import load_profile
from hw_profiles.mapping import ChipMapping, Objective, Slice, map_network
from hw_profiles.mapping.partition import Pieces
from hw_profiles.mapping.spread import Prices, Spikes, cost_of, divide_further, loads, longest_load, running_sums
from hw_profiles.mapping.traffic import traffic_of
from hw_profiles.network import ChipNetwork
from hw_profiles.profile import Profile
from hw_profiles.timing import estimate_time
from neuro_runtime.activity import mean_counts
from neuro_runtime.backends.program_backend import ProgramMeter
from neuro_runtime.chip_network import chip_network
from support.small_networks import random_network
from support.small_programs import block_program

MEASURED = load_profile("loihi1-measured")
assert MEASURED.time is not None
QUICK = replace(MEASURED, time=replace(MEASURED.time, smallest_step=None))  # no floor hides what a core does
ROUNDING = 1e-9
BUSY = 500.0  # spikes of each population: loops far longer than a barrier


def spikes_of(network: ChipNetwork, each: float = BUSY) -> dict[str, float]:
    return {population.origin: each for population in network.populations}


def decision_ns(mapping: ChipMapping, profile: Profile) -> float:
    counts = mean_counts([ProgramMeter(block_program()).activity(dict.fromkeys(_spiking(), int(BUSY)))], True)
    time = estimate_time(chip_events(counts, mapping), profile, mapping)
    assert time is not None
    return time.decision_us.nominal


def _spiking() -> list[str]:
    return [node.name for node in block_program().nodes if node.spikes]


def test_a_decision_takes_less_time_and_energy_than_on_the_fewest_cores() -> None:
    network = chip_network(block_program())
    mappings = {
        objective: map_network(network, QUICK, spikes=spikes_of(network), objective=objective)
        for objective in Objective
    }
    times = {objective: decision_ns(mapping, QUICK) for objective, mapping in mappings.items()}
    assert len(mappings[Objective.cores].cores) < len(mappings[Objective.energy].cores)
    assert times[Objective.time] <= times[Objective.energy] < times[Objective.cores]


@pytest.mark.parametrize("seed", range(6))
def test_no_division_of_a_small_network_into_as_many_cores_has_a_shorter_longest_load(seed: int) -> None:
    """Every set of cuts is tried."""
    network = random_network(seed)
    assert QUICK.time is not None
    load = loads(network, Spikes.of(network, [1.0] * len(network.populations)), QUICK.time)[:9]
    small = _of_the_first(network, len(load))
    running = running_sums(load)
    for cores in range(1, 5):
        cuts = itertools.combinations(range(1, len(load)), cores - 1)
        best = min(_longest([0, *some, len(load)], load) for some in cuts)
        divided = divide_further(small, network, running, best * (1 + ROUNDING), most=cores)
        assert divided is not None
        assert longest_load(divided, network, load) == pytest.approx(best)
        assert divide_further(small, network, running, best * (1 - ROUNDING), most=cores) is None or best == load.max()


@pytest.mark.parametrize("longest", [0.5, 7.0, 16.0, 17.0, 40.0, 1000.0])
def test_cores_are_as_long_as_can_be_however_many_neurons_that_are(longest: float) -> None:
    """Loads are whole, so that sums are exact; the longest cores have more neurons than are looked at together."""
    network = random_network(0, largest=100)
    load = np.random.default_rng(0).integers(1, 3, (network.neurons, 3)).astype(float)
    divided = divide_further(_of_the_first(network, len(load)), network, running_sums(load), longest, most=len(load))
    assert divided is not None
    ends = np.cumsum([sum(part.size for part in slices) for slices in divided]).tolist()
    assert ends[-1] == len(load)
    for first, end in itertools.pairwise([0, *ends]):
        assert end == first + 1 or load[first:end].sum(axis=0).max() <= longest
        assert end == len(load) or load[first : end + 1].sum(axis=0).max() > longest


@pytest.mark.parametrize("seed", [3, 6, 8])
@pytest.mark.parametrize("objective", [Objective.time, Objective.energy])
def test_no_division_of_a_small_network_costs_much_less(seed: int, objective: Objective) -> None:
    """Every division of eight neurons is tried; the one that is chosen costs at most 0.5 % more than the best."""
    network = random_network(seed, largest=4, longest_delay=3)
    mapping = map_network(network, MEASURED, spikes=spikes_of(network), objective=objective)
    prices, spikes = Prices.of(MEASURED, 1, 1), Spikes.of(network, [BUSY / item.size for item in network.populations])
    assert mapping.network.neurons == network.neurons == 8
    assert prices is not None
    load = loads(network, spikes, prices.time)

    def cost(pieces: Pieces) -> float:
        return cost_of(pieces, network, traffic_of(network, pieces), spikes, load, prices).of(objective)

    cuts = (some for count in range(8) for some in itertools.combinations(range(1, 8), count))
    best = min(cost(_cut(network, [0, *some, 8])) for some in cuts)
    assert best <= cost([core.slices for core in mapping.cores]) <= 1.005 * best


def _cut(network: ChipNetwork, cuts: list[int]) -> Pieces:
    """The neurons in order, a core for those between two cuts."""
    sizes = [population.size for population in network.populations]
    starts = [0, *np.cumsum(sizes).tolist()]
    return [
        tuple(
            Slice(population.name, max(first - start, 0), min(last - start, population.size))
            for population, start in zip(network.populations, starts, strict=False)
            if first < start + population.size and last > start
        )
        for first, last in itertools.pairwise(cuts)
    ]


def _longest(cuts: list[int], load: np.ndarray) -> float:
    return max(float(load[first:end].sum(axis=0).max()) for first, end in itertools.pairwise(cuts))


def _of_the_first(network: ChipNetwork, neurons: int) -> Pieces:
    """One core with so many neurons."""
    slices, left = [], neurons
    for population in network.populations:
        if left:
            slices.append(Slice(population.name, 0, min(left, population.size)))
            left -= slices[-1].size
    return [tuple(slices)]


def test_steps_that_no_board_has_seen_shorter_are_left_alone() -> None:
    network = chip_network(block_program())
    few = map_network(network, MEASURED, spikes=spikes_of(network, 1.0))
    assert len(few.cores) == len(map_network(network, MEASURED, objective=Objective.cores).cores)


def test_copies_share_static_power_and_cores() -> None:
    network = chip_network(block_program())
    counts = mean_counts([ProgramMeter(block_program()).activity(dict.fromkeys(_spiking(), int(BUSY)))], True)
    static = []
    for copies in (1, 4):
        mapping = map_network(network, QUICK, spikes=spikes_of(network), copies=copies)
        assert mapping.chips == 1
        assert copies * len(mapping.cores) <= 128
        events = chip_events(counts, mapping)
        time = estimate_time(events, QUICK, mapping)
        assert time is not None
        lines = estimate_chip_energy(events, QUICK, mapping, time).lines
        (line,) = (line for line in lines if line.term == STATIC)
        static.append(line.total_pj / time.decision_us.nominal)
    assert static[1] == pytest.approx(static[0] / 4)


def test_copies_that_do_not_fit_are_refused() -> None:
    network = chip_network(block_program())
    with pytest.raises(UserError, match="copies must be at least 1, got 0"):
        map_network(network, MEASURED, copies=0)
    with pytest.raises(GateFailed, match="chips"):
        map_network(network, MEASURED, copies=10_000)
