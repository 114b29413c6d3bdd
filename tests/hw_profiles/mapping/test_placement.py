"""Places against every placement that there is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hw_profiles.mapping import placement
from hw_profiles.mapping.chip_mapping import Place
from hw_profiles.mapping.placement import Mesh, hops, place_cores

TWO_CORE_TILES = Mesh(columns=2, rows=2, cores_per_tile=2, cores=8)
SINGLE_CORE_TILES = Mesh(columns=3, rows=2, cores_per_tile=1, cores=6)


def random_traffic(seed: int, cores: int) -> NDArray[np.float64]:
    """Messages between some cores."""
    random = np.random.default_rng(seed)
    messages = random.integers(0, 50, (cores, cores)).astype(np.float64)
    messages[random.random((cores, cores)) < 0.5] = 0.0
    return messages


def traffic_cost(traffic: NDArray[np.float64], places: list[Place]) -> float:
    """Tiles that all messages cross."""
    apart = [[abs(one.tile_x - other.tile_x) + abs(one.tile_y - other.tile_y) for other in places] for one in places]
    return float((traffic * np.array(apart)).sum())


def least_cost(traffic: NDArray[np.float64], mesh: Mesh) -> float:
    """The answer by trying every tile for every core."""
    tiles = [(place.tile_x, place.tile_y) for place in mesh.places(0)]
    x, y = np.array(list(itertools.permutations(tiles, len(traffic)))).transpose(2, 0, 1)
    apart = np.abs(x[:, :, None] - x[:, None, :]) + np.abs(y[:, :, None] - y[:, None, :])
    return float((apart * traffic).sum(axis=(1, 2)).min())


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**31), cores=st.integers(1, 6), mesh=st.sampled_from([TWO_CORE_TILES, SINGLE_CORE_TILES]))
def test_no_placement_has_less_traffic(seed: int, cores: int, mesh: Mesh) -> None:
    traffic = random_traffic(seed, cores)
    cost = traffic_cost(traffic, place_cores(traffic, mesh))
    assert cost == least_cost(traffic, mesh)


def test_a_chain_of_cores_goes_from_tile_to_neighbouring_tile() -> None:
    traffic = np.diag(np.full(5, 7.0), 1)
    assert traffic_cost(traffic, place_cores(traffic, SINGLE_CORE_TILES)) == 5 * 7


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**31), cores=st.integers(1, 20))
def test_no_two_cores_share_a_place_and_all_are_on_a_chip(seed: int, cores: int) -> None:
    places = place_cores(random_traffic(seed, cores), TWO_CORE_TILES)
    assert len(set(places)) == cores
    assert {place.chip for place in places} == set(range(-(-cores // 8)))
    assert all(place.tile_x < 2 and place.tile_y < 2 and place.index_in_tile < 2 for place in places)


def test_the_same_traffic_gives_the_same_places() -> None:
    traffic = random_traffic(5, 7)
    assert place_cores(traffic, TWO_CORE_TILES) == place_cores(traffic, TWO_CORE_TILES)


def test_places_do_not_depend_on_how_many_rows_are_multiplied_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    traffic, mesh = random_traffic(seed=3, cores=8), TWO_CORE_TILES
    places = place_cores(traffic, mesh)
    for multiplications in (1, 3 * 8 * 8):  # a row at a time, and a few with a rest
        monkeypatch.setattr(placement, "ONE_THREAD", multiplications)
        assert place_cores(traffic, mesh) == places


def test_a_chip_with_fewer_cores_than_places_uses_no_more_of_them() -> None:
    mesh = Mesh(columns=2, rows=1, cores_per_tile=2, cores=3)
    places = place_cores(random_traffic(0, 7), mesh)
    assert [sum(place.chip == chip for place in places) for chip in range(3)] == [3, 3, 1]


def test_hops_are_told_apart_by_direction_and_chip() -> None:
    """From the last column of chip 0 to the first of chip 1 is one tile east."""
    across, along, chips = hops([Place(0, 7, 0, 0), Place(1, 0, 2, 3)], columns=8)
    assert [matrix[0, 1] for matrix in (across, along, chips)] == [1, 2, 1]
    assert [matrix[1, 1] for matrix in (across, along, chips)] == [0, 0, 0]


@pytest.mark.parametrize("cores", [0, 1])
def test_nothing_to_exchange(cores: int) -> None:
    assert len(place_cores(np.zeros((cores, cores)), TWO_CORE_TILES)) == cores
