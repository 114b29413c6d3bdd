"""Neurons spread over the free cores of a chip, so that a decision takes less time or energy.

All cores wait for the one with the longest loop, and a chip's power is drawn for as long as that takes. So the neurons
of a division that holds its chip's limits are divided further, until a step's longest loop is no longer what the step
waits for. Taking neurons off a core breaks no limit but that of output axons, which is looked after as before.

A neuron's **load** is the time that its core spends on it in each time step: its update, its spikes, and the synaptic
operations at its synapses. A core's loop is the sum of its neurons' loads and of the messages that it receives and
sends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from hw_profiles.event_prices import EventTime
from hw_profiles.figure import Figure
from hw_profiles.mapping.chip_mapping import Slice
from hw_profiles.mapping.partition import Pieces
from hw_profiles.mapping.traffic import Traffic
from hw_profiles.network import ChipNetwork
from hw_profiles.profile import Profile

Floats = NDArray[np.float64]

LADDER = 0.7  # from one longest load that is tried to the next
ENOUGH = 0.3  # of the shortest step; loads that are shorter gain nothing, as messages take the rest
LOOK_AHEAD = 16  # neurons that are looked at together, when a core is filled


class Objective(StrEnum):
    """The aim of a placement: the fewest cores, the least time of a decision, or the least energy."""

    cores = "cores"
    time = "time"
    energy = "energy"


@dataclass(frozen=True, eq=False)
class Spikes:
    """Spikes of a population in a decision, (populations,), and the time steps in which it works, (populations, P)."""

    count: Floats
    at_work: Floats

    @staticmethod
    def of(network: ChipNetwork, rates: Sequence[float]) -> Spikes:
        """Those of ``rates`` spikes of each population's neuron."""
        sizes = np.array([population.size for population in network.populations], dtype=np.float64)
        at_work = np.zeros((len(sizes), network.period))
        for row, population in enumerate(network.populations):
            at_work[row, (population.depth + np.arange(network.active_steps)) % network.period] = 1.0
        return Spikes(sizes * np.array(rates), at_work)

    @property
    def in_step(self) -> Floats:
        """Spikes in each time step, (populations, P)."""
        steps: Floats = self.count[:, None] * self.at_work / np.maximum(self.at_work.sum(axis=1, keepdims=True), 1.0)
        return steps


def loads(network: ChipNetwork, spikes: Spikes, time: EventTime) -> Floats:
    """The load of each neuron in each time step, in ns, (neurons, P), population after population."""
    in_step = spikes.in_step
    column = {population.name: number for number, population in enumerate(network.populations)}
    own = [
        (
            _value(time.neuron_idle)
            + spikes.at_work[number] * (_value(time.neuron_active) - _value(time.neuron_idle))
            + in_step[number] / population.size * _value(time.spike_out)
        )
        * np.ones((population.size, 1))
        for number, population in enumerate(network.populations)
    ]
    for projection in network.projections:
        source = column[projection.source]
        target = column[projection.target]
        ending = np.bincount(projection.synapses.target_index, minlength=network.populations[target].size)
        reached, steps = np.flatnonzero(ending), np.flatnonzero(in_step[source])  # often few of all
        share = in_step[source, steps] / network.populations[source].size * _value(time.synop)
        own[target][np.ix_(reached, steps)] += ending[reached, None] * share
    return np.concatenate(own)


def running_sums(load: Floats) -> Floats:
    """The load of all neurons before each, and of all, (neurons + 1, P)."""
    return np.concatenate([np.zeros((1, load.shape[1])), np.cumsum(load, axis=0)])


def divide_further(pieces: Pieces, network: ChipNetwork, running: Floats, longest: float, most: int) -> Pieces | None:
    """Each core divided into as few as can be, none of whose loads is above ``longest`` ns in any time step.

    A single neuron is a core in any case. None if that takes more than ``most`` cores. ``running`` is of
    :func:`running_sums`.
    """
    divided: Pieces = []
    for slices, (start, end) in zip(pieces, _positions(pieces, network), strict=True):
        first = start
        while first < end:
            after = _first_beyond(running, first, end, longest)
            divided.append(_part(slices, first - start, after - start))
            first = after
        if len(divided) > most:
            return None
    return divided


def _first_beyond(running: Floats, first: int, end: int, longest: float) -> int:
    """The first neuron before ``end`` that no longer fits on a core with those from ``first`` on; ``end`` if all do.

    A core is far shorter than what is left to divide, so few neurons are looked at, then twice as many, and so on.
    """
    begin, ahead = first, LOOK_AHEAD
    while begin < end:
        stop = min(begin + ahead, end)
        above = (running[begin + 1 : stop + 1] - running[first]).max(axis=1) > longest
        if above.any():
            return max(begin + int(np.argmax(above)), first + 1)
        begin, ahead = stop, 2 * ahead
    return end


def longest_load(pieces: Pieces, network: ChipNetwork, load: Floats) -> float:
    """The largest load of a core in a time step, in ns."""
    return float(_of_cores(pieces, network, load).max())


def _of_cores(pieces: Pieces, network: ChipNetwork, load: Floats) -> Floats:
    """The load of each core, (cores, P)."""
    return np.array([load[start:end].sum(axis=0) for start, end in _positions(pieces, network)])


def _positions(pieces: Pieces, network: ChipNetwork) -> list[tuple[int, int]]:
    """First and end of each core's neurons among all of the network's, of which a core holds some in a row."""
    first: dict[str, int] = {}
    neurons = 0
    for population in network.populations:
        first[population.name] = neurons
        neurons += population.size
    return [
        (first[slices[0].population] + slices[0].first, first[slices[-1].population] + slices[-1].end)
        for slices in pieces
    ]


def _part(slices: tuple[Slice, ...], first: int, end: int) -> tuple[Slice, ...]:
    """Neurons ``first`` … ``end − 1`` of a core's."""
    parts, passed = [], 0
    for part in slices:
        low, high = max(first - passed, 0), min(end - passed, part.size)
        if low < high:
            parts.append(Slice(part.population, part.first + low, part.first + high))
        passed += part.size
    return tuple(parts)


@dataclass(frozen=True)
class Cost:
    """The cost of a placement as far as it depends on how neurons are divided: nominal ns and pJ of a decision."""

    time_ns: float
    energy_pj: float

    def of(self, objective: Objective) -> float:
        """The one that a placement is made for."""
        return self.time_ns if objective is Objective.time else self.energy_pj


@dataclass(frozen=True, eq=False)
class Prices:
    """The prices that a placement is judged by: a profile's times, its powers and the energy of a message.

    Attributes
    ----------
    milliwatts
        Static power of all chips in use and the host's, of one copy of the network.
    """

    time: EventTime
    barrier: Figure | None
    milliwatts: float
    message_pj: float

    @staticmethod
    def of(profile: Profile, chips: int, copies: int) -> Prices | None:
        """Those of ``copies`` that share ``chips``; None where the profile has no times."""
        if profile.time is None:
            return None
        power = profile.power
        static, host = (power.static_per_chip, power.host) if power else (None, None)
        return Prices(
            profile.time,
            profile.time.chip_barrier if chips > 1 and profile.time.chip_barrier else profile.time.barrier,
            (chips * _value(static) + _value(host)) / copies,
            _value(profile.energy.message_in) + _value(profile.energy.message_out),
        )

    @property
    def shortest_step(self) -> float:
        """In ns: no step is shorter, however short its loops."""
        return max(_value(self.time.smallest_step), _value(self.barrier))


def cost_of(
    pieces: Pieces, network: ChipNetwork, traffic: Traffic, spikes: Spikes, load: Floats, prices: Prices
) -> Cost:
    """A division's time, and the energy of its powers and messages; hops are left out, as cores have no places yet."""
    in_step = spikes.in_step
    share = traffic.neurons_of_core / traffic.neurons_of_core.sum(axis=0)
    sent = traffic.messages_per_spike.sum(axis=0)
    loops = _of_cores(pieces, network, load)
    loops = loops + traffic.messages_per_spike @ in_step * _value(prices.time.message_in)
    loops = loops + (share * sent) @ in_step * _value(prices.time.message_out)
    steps = np.maximum(loops.max(axis=0) + _value(prices.barrier), _value(prices.time.smallest_step))
    messages = float((sent * spikes.count).sum())
    return Cost(float(steps.sum()), float(steps.sum()) * prices.milliwatts + messages * prices.message_pj)


def _value(figure: Figure | None) -> float:
    """A figure's nominal value; 0 where nobody published it."""
    return 0.0 if figure is None else figure.value
