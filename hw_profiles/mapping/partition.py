"""Which neurons share a core: the populations in order, cut into as many pieces as there are cores.

``greedy`` is what compilers do (Lava's: one core for a layer, divided until no limit is broken; the number of cores to try
first is nengo-loihi's, the fullest resource rounded up). ``dynamic`` also lets consecutive populations share a core and
cuts where it costs least: it has as few cores as any division into consecutive pieces can have, and among its candidate
cuts the fewest messages.

Why fewest: taking neurons off a core never makes it ask for more, so if some division reaches position p with n cores,
the one that always goes as far as it can is at p or beyond with n cores. That one is among the candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hw_profiles.errors import UserError
from hw_profiles.mapping.demand import Demands
from hw_profiles.mapping.mapping import Slice
from hw_profiles.mapping.rules import Limits, core_violations
from hw_profiles.network import Network

Method = Literal["greedy", "dynamic"]
Pieces = list[tuple[Slice, ...]]


def partition(
    network: Network, demands: Demands, limits: Limits, method: Method, rates: Mapping[str, float] | None = None
) -> Pieces:
    """The slices of each core.

    Parameters
    ----------
    rates
        Spikes of a neuron of each population, by which messages are weighed; all alike if not given.

    Raises
    ------
    UserError
        The method is unknown.
    """
    if method == "greedy":
        return _greedy(network, demands, limits)
    if method == "dynamic":
        return _Dynamic(network, demands, limits, rates).pieces()
    raise UserError(f"no partition method {method!r}; use greedy or dynamic")


def split(first: int, end: int, parts: int) -> list[tuple[int, int]]:
    """``parts`` ranges of nearly equal length, the longer ones first; fewer if there are not so many neurons."""
    length, longer = divmod(end - first, min(parts, end - first))
    ranges = []
    for number in range(min(parts, end - first)):
        after = first + length + (number < longer)
        ranges.append((first, after))
        first = after
    return ranges


def _greedy(network: Network, demands: Demands, limits: Limits) -> Pieces:
    pieces: Pieces = []
    for population in network.populations:
        parts = min(_fullest(demands, limits, Slice(population.name, 0, population.size)), population.size)
        while True:
            slices = [Slice(population.name, first, end) for first, end in split(0, population.size, parts)]
            if parts == population.size or all(_fits(demands, limits, (part,)) for part in slices):
                break
            parts += 1
        pieces += [(part,) for part in slices]
    return pieces


def _fullest(demands: Demands, limits: Limits, part: Slice) -> int:
    """Cores that ``part`` needs by its fullest resource, if resources could be divided at will."""
    uses = demands.of_core((part,)).uses
    return max(-(-used // limits[resource]) for resource, used in uses.items() if resource in limits)


def _fits(demands: Demands, limits: Limits, slices: Sequence[Slice]) -> bool:
    return not core_violations(demands.of_core(slices).uses, limits)


class _Dynamic:
    """Cheapest way from the first neuron to the last, one core a step; positions number all neurons in order."""

    def __init__(self, network: Network, demands: Demands, limits: Limits, rates: Mapping[str, float] | None) -> None:
        self._populations = network.populations
        self._demands = demands
        self._limits = limits
        sizes = [population.size for population in network.populations]
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self._rates = self._rate_of_axon(rates)

    def pieces(self) -> Pieces:
        last = int(self._starts[-1])
        best: dict[int, tuple[int, float, int]] = {0: (0, 0.0, 0)}  # cores, messages, where the last piece began
        waiting = {0}
        while waiting:
            position = min(waiting)
            waiting.remove(position)
            if position == last:
                break
            cores, messages, _ = best[position]
            for end in self._candidates(position):
                cost = (cores + 1, messages + self._messages(position, end), position)
                if end not in best or cost < best[end]:
                    best[end] = cost
                    waiting.add(end)
        cuts = [last]
        while cuts[-1]:
            cuts.append(best[cuts[-1]][2])
        cuts.reverse()
        return [self._slices(first, end) for first, end in zip(cuts, cuts[1:], strict=False)]

    def _candidates(self, position: int) -> list[int]:
        """Ends to try: as far as possible, after each population, and where the last one is divided evenly."""
        furthest = self._furthest(position)
        boundaries = [int(start) for start in self._starts if position < start <= furthest]
        number = int(np.searchsorted(self._starts, furthest, side="right")) - 1
        ends = {furthest, *boundaries}
        if furthest < self._starts[-1] and furthest not in boundaries:
            begin = max(position, int(self._starts[number]))
            rest, room = int(self._starts[number + 1]) - begin, furthest - begin
            ends.add(begin + -(-rest // -(-rest // room)))
        return sorted(ends)

    def _furthest(self, position: int) -> int:
        """The last end up to which neurons from ``position`` on fit one core; one neuron is taken in any case."""
        fits, fails, step = position + 1, int(self._starts[-1]) + 1, 64
        while fits + step < fails and self._fits(position, fits + step):
            fits, step = fits + step, 2 * step
        fails = min(fails, fits + step)
        while fails - fits > 1:
            middle = (fits + fails) // 2
            fits, fails = (middle, fails) if self._fits(position, middle) else (fits, middle)
        return fits

    def _fits(self, first: int, end: int) -> bool:
        return _fits(self._demands, self._limits, self._slices(first, end))

    def _messages(self, first: int, end: int) -> float:
        return float(self._rates[self._demands.of_core(self._slices(first, end)).axons].sum())

    def _slices(self, first: int, end: int) -> tuple[Slice, ...]:
        number = int(np.searchsorted(self._starts, first, side="right")) - 1
        slices = []
        while first < end:
            start, after = int(self._starts[number]), min(end, int(self._starts[number + 1]))
            slices.append(Slice(self._populations[number].name, first - start, after - start))
            first, number = after, number + 1
        return tuple(slices)

    def _rate_of_axon(self, rates: Mapping[str, float] | None) -> NDArray[np.float64]:
        """Spikes of each axon; 0 for the host's values, which reach one core however neurons are divided."""
        weights = np.zeros(self._demands.axons)
        for population, start in zip(self._populations, self._starts, strict=False):
            rate = 1.0 if rates is None else rates.get(population.origin, 0.0)
            weights[start : start + population.size] = rate
        return weights
