"""The division of neurons into cores: the populations in order, cut into as many pieces as there are cores.

``greedy`` is what compilers do: a layer has cores to itself, and is divided until no limit is broken (Lava); the number
of cores to try first is the fullest resource, rounded up (nengo-loihi).

``dynamic`` is dynamic programming over the cuts, and lets consecutive populations share a core. It has as few cores as
any division into consecutive pieces can have: taking neurons off a core never makes it ask for more, so a division
whose pieces are as long as can be is never behind another with as many. It takes the candidate cuts with the
fewest messages.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from hw_profiles.mapping.chip_mapping import Slice
from hw_profiles.mapping.core_resources import NEURONS
from hw_profiles.mapping.demand import Demands
from hw_profiles.mapping.rules import Limits, core_violations
from hw_profiles.network import ChipNetwork

Method = Literal["greedy", "dynamic"]
Pieces = list[tuple[Slice, ...]]

MOST_CANDIDATES = 10  # cuts that are tried, of each pair of neighbouring cores


def partition(
    network: ChipNetwork, demands: Demands, limits: Limits, method: Method, rates: Mapping[str, float] | None = None
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


def _greedy(network: ChipNetwork, demands: Demands, limits: Limits) -> Pieces:
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
    return max(-(-used // max(limits[resource], 1)) for resource, used in uses.items() if resource in limits)


def _fits(demands: Demands, limits: Limits, slices: Sequence[Slice]) -> bool:
    # Most cuts that do not fit have too many neurons, which costs nothing to see.
    neurons = sum(part.size for part in slices)
    return not core_violations({NEURONS: neurons}, limits) and not core_violations(demands.of_core(slices).uses, limits)


class _Dynamic:
    """Fewest cores, then fewest messages; positions number all neurons in order, and a cut is a position.

    Cut number n can be no later than ``_latest[n]``, before which all pieces are as long as can be, and no earlier than
    ``_earliest[n]``, after which all are.
    """

    def __init__(
        self, network: ChipNetwork, demands: Demands, limits: Limits, rates: Mapping[str, float] | None
    ) -> None:
        self._populations = network.populations
        self._demands = demands
        self._limits = limits
        sizes = [population.size for population in network.populations]
        self._starts = [0, *np.cumsum(sizes).tolist()]
        self._rates = self._rate_of_axon(rates)
        self._latest = self._chain_forwards()
        self._earliest = self._chain_backwards()

    def pieces(self) -> Pieces:
        """The slices of each core."""
        best: list[dict[int, tuple[float, int]]] = [{0: (0.0, 0)}]  # of each cut: messages so far, and the cut before
        for number in range(1, len(self._latest)):
            best.append(self._reach(best[-1], self._candidates(number)))
        cuts = [self._starts[-1]]
        for cost in reversed(best[1:]):
            cuts.append(cost[cuts[-1]][1])
        cuts.reverse()
        return [self._slices(first, end) for first, end in itertools.pairwise(cuts)]

    def _reach(self, before: Mapping[int, tuple[float, int]], ends: Sequence[int]) -> dict[int, tuple[float, int]]:
        """The cheapest way to each of ``ends`` from the cuts before."""
        reached: dict[int, tuple[float, int]] = {}
        for first, (messages, _) in before.items():
            fitting = bisect.bisect_left(ends, True, key=lambda end: not self._fits(first, end))
            for end in ends[:fitting]:
                if end > first:
                    cost = (messages + self._messages(first, end), first)
                    reached[end] = min(cost, reached.get(end, cost))
        return reached

    def _candidates(self, number: int) -> list[int]:
        """Where a cut may be: its first and last possible position, and ends and quarters of populations between."""
        first, last = self._earliest[number], self._latest[number]
        ends = [start for start in self._starts if first < start < last]
        quarters = [
            start + (after - start) * part // 4
            for start, after in itertools.pairwise(self._starts)
            if first < after and start < last
            for part in (1, 2, 3)
        ]
        between = ends if len(ends) >= MOST_CANDIDATES else sorted({*ends, *quarters})
        between = [position for position in between if first < position < last]
        return sorted({first, *between[:: -(-len(between) // MOST_CANDIDATES) or 1], last})

    def _chain_forwards(self) -> list[int]:
        """Cuts of the division whose pieces, from the first on, are as long as can be."""
        cuts, last = [0], self._starts[-1]
        while cuts[-1] < last:
            cuts.append(cuts[-1] + self._longest(cuts[-1], last - cuts[-1], forwards=True))
        return cuts

    def _chain_backwards(self) -> list[int]:
        """Cuts of the division whose pieces, from the last back, are as long as can be."""
        cuts = [self._starts[-1]]
        while cuts[-1] > 0:
            cuts.append(cuts[-1] - self._longest(cuts[-1], cuts[-1], forwards=False))
        return cuts[::-1]

    def _longest(self, cut: int, most: int, forwards: bool) -> int:
        """Length, at least 1, of the longest piece that begins or ends at ``cut``; all shorter ones fit too."""

        def fits(length: int) -> bool:
            return self._fits(cut, cut + length) if forwards else self._fits(cut - length, cut)

        fitting = 1
        while fitting < most and fits(min(2 * fitting, most)):
            fitting = min(2 * fitting, most)
        lengths = range(fitting + 1, min(2 * fitting, most + 1))
        return fitting + bisect.bisect_left(lengths, True, key=lambda length: not fits(length))

    def _fits(self, first: int, end: int) -> bool:
        """Whether a core holds these neurons; one neuron is taken in any case, for the rules to complain about."""
        return end - first <= 1 or _fits(self._demands, self._limits, self._slices(first, end))

    def _messages(self, first: int, end: int) -> float:
        return float(self._rates[self._demands.axons_of_core(self._slices(first, end))].sum())

    def _slices(self, first: int, end: int) -> tuple[Slice, ...]:
        number = bisect.bisect_right(self._starts, first) - 1
        slices = []
        while first < end:
            start, after = self._starts[number], min(end, self._starts[number + 1])
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
