"""The place of each core on the chips' meshes, so that messages cross as few tiles as can be.

Cores are set down along a line that winds through each chip's tiles, then the exchange of two cores (or of a core and a
free place) that saves most is made, as long as one saves anything. Then some places of the best answer are shuffled and
the exchanges begin again: an iterated local search, with random numbers that are the same every time. Only cores of one
chip are exchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_profiles.capacity import Capacity
from hw_profiles.mapping.chip_mapping import Floats, Place

Distances = NDArray[np.int64]

Order = NDArray[np.int64]

SMALLEST_GAIN = 1e-9  # relative; less is rounding
SEARCHES = 2000  # searches times places
ONE_THREAD = 2**18  # multiplications up to which OpenBLAS keeps a product on one thread


@dataclass(frozen=True)
class Mesh:
    """The tiles of one chip."""

    columns: int
    rows: int
    cores_per_tile: int
    cores: int

    @staticmethod
    def of(capacity: Capacity) -> Mesh:
        """The mesh that ``capacity`` describes, with as many cores as a network may use."""
        figures = (capacity.mesh_columns, capacity.mesh_rows, capacity.cores_per_tile, capacity.cores_per_chip)
        numbers = [round(figure.value) for figure in figures if figure is not None]
        return Mesh(*numbers)

    def places(self, chip: int) -> list[Place]:
        """The places of a chip, along a line through its tiles that turns at each side."""
        places = []
        for row in range(self.rows):
            line = range(self.columns) if row % 2 == 0 else range(self.columns - 1, -1, -1)
            places += [Place(chip, column, row, core) for column in line for core in range(self.cores_per_tile)]
        return places[: self.cores]


def place_cores(traffic: Floats, mesh: Mesh) -> list[Place]:
    """A place for each core.

    Parameters
    ----------
    traffic
        Messages from each core to each, [from, to].
    """
    places: list[Place] = []
    while len(places) < len(traffic):
        chip = len(places) // mesh.cores
        first, end = len(places), min(len(places) + mesh.cores, len(traffic))
        within = traffic[first:end, first:end]
        places += _place_on_chip(within + within.T, mesh.places(chip), mesh.columns)
    return places


def hops(places: Sequence[Place], columns: int) -> tuple[Distances, Distances, Distances]:
    """Tiles east or west, tiles north or south, and chips between every two places, each (places, places).

    Chips of ``columns`` columns stand side by side in a row, so a message to another chip crosses the tiles between.
    """
    chip = np.array([place.chip for place in places])
    x = np.array([place.tile_x for place in places]) + columns * chip
    y = np.array([place.tile_y for place in places])
    return _apart(x), _apart(y), _apart(chip)


def _apart(coordinate: Distances) -> Distances:
    distance: Distances = np.abs(coordinate[:, None] - coordinate[None, :])
    return distance


def _place_on_chip(traffic: Floats, places: list[Place], columns: int) -> list[Place]:
    """The best of several searches; ``traffic`` is symmetric. As many free places as there are cores are tried."""
    used = len(traffic)
    places = places[: 2 * used]
    messages = np.zeros((len(places), len(places)))
    messages[:used, :used] = traffic
    np.fill_diagonal(messages, 0.0)
    across, along, _ = hops(places, columns)
    distance = (across + along).astype(float)
    random = np.random.default_rng(0)
    best = _exchange(messages, distance, np.arange(len(places)))
    for _ in range(SEARCHES // max(len(places), 1)):
        shaken = best.copy()
        some = random.choice(len(places), size=min(max(3, used // 3), len(places)), replace=False)
        shaken[some] = shaken[random.permutation(some)]
        shaken = _exchange(messages, distance, shaken)
        if _cost(messages, distance, shaken) < (1 - SMALLEST_GAIN) * _cost(messages, distance, best):
            best = shaken
    place_of = np.empty_like(best)
    place_of[best] = np.arange(len(best))
    return [places[number] for number in place_of[:used]]


def _exchange(messages: Floats, distance: Floats, order: Order) -> Order:
    """Exchange what lies on two places as long as it saves messages times tiles.

    Parameters
    ----------
    messages
        Between every two cores, (places, places); a free place counts as a core without any.
    distance
        Tiles between places, (places, places).
    order
        The core on each place, (places,).
    """
    order = order.copy()
    smallest = SMALLEST_GAIN * max(messages.sum(), 1.0)
    between = messages[np.ix_(order, order)]  # of what lies on two places
    cost = _product(between, distance)  # [place, where]: of what lies on a place, if it were elsewhere
    there_and_back = 2 * distance
    gain, product = np.empty_like(cost), np.empty_like(cost)  # filled anew, as new arrays take longer than their sums
    while True:
        own = np.diag(cost)
        np.add(own[:, None], own[None, :], out=gain)
        gain -= cost
        gain -= cost.T
        gain -= np.multiply(between, there_and_back, out=product)
        one, other = divmod(int(gain.argmax()), len(order))
        if gain[one, other] <= smallest:
            return order
        apart = distance[other] - distance[one]
        cost += np.multiply((between[:, one] - between[:, other])[:, None], apart, out=product)
        swapped = [one, other], [other, one]
        for rows in (cost, between, between.T, order):
            rows[swapped[0]] = rows[swapped[1]]


def _product(left: Floats, right: Floats) -> Floats:
    """``left @ right``, a few rows at a time, so that BLAS divides none of it among threads.

    The search takes thousands of such small products. Threads would spend far longer waiting for one another, and on a
    busy machine for a core, than on the sums.
    """
    rows = max(1, ONE_THREAD // right.size)
    return np.concatenate([left[first : first + rows] @ right for first in range(0, len(left), rows)])


def _cost(messages: Floats, distance: Floats, order: Order) -> float:
    """Messages times tiles."""
    return float((messages[np.ix_(order, order)] * distance).sum())
