"""The window holds each token's copy of the stream, and the past comes from the copies before."""

from __future__ import annotations

import numpy as np
import pytest

from dsf_common.errors import UserError
from hw_profiles.mapping.window_layout import window_layout
from hw_profiles.network import ChipNetwork, HostCurrent, Projection
from support.small_networks import dense, network, perceptron, population

PERIOD = 20


def remembering() -> ChipNetwork:
    """Layer ``b`` reads ``a`` of this token and of one and three tokens ago, all two time steps late."""
    layers = [population("a", 3), population("b", 2, depth=3)]
    projections = [Projection("a", "b", dense(3, 2, delay=2 + PERIOD * ago)) for ago in (0, 1, 3)]
    return network(layers, projections, (HostCurrent("a", 3, 0, 0, 14),), period=PERIOD)


def test_delays_of_whole_periods_become_connections_between_tokens() -> None:
    window = window_layout(remembering(), context=4)
    assert [item.name for item in window.populations[:3]] == ["token0.a", "token0.b", "token1.a"]
    assert window.neurons == 4 * 5
    into_last = sorted(item.source for item in window.projections if item.target == "token3.b")
    assert into_last == ["token0.a", "token2.a", "token3.a"]
    assert [item.source for item in window.projections if item.target == "token0.b"] == ["token0.a"]
    assert {delay for item in window.projections for delay in item.synapses.delay.tolist()} == {2}
    assert window.synapses == 6 * (4 + 3 + 1)


def test_copies_share_their_arrays() -> None:
    window = window_layout(remembering(), context=10)
    assert len({id(item.synapses) for item in window.projections}) == 3


def test_copies_know_what_they_copy() -> None:
    window = window_layout(remembering(), context=2)
    assert [item.origin for item in window.populations] == ["a", "b", "a", "b"]
    assert [item.target for item in window.host_currents] == ["token0.a", "token1.a"]
    assert (window.layout, window.context, window.host_macs) == ("window", 2, 10)


def test_a_window_without_memory_is_copies() -> None:
    window = window_layout(perceptron(5, 4, 3), context=3)
    assert window.synapses == 3 * perceptron(5, 4, 3).synapses
    assert all(item.source.split(".")[0] == item.target.split(".")[0] for item in window.projections)


def test_several_delays_in_one_list_are_told_apart() -> None:
    stream = remembering()
    merged = stream.projections[0].synapses
    both = Projection("a", "b", merged.select(np.ones(6, dtype=bool), (np.arange(6) * PERIOD + 1).astype(np.int32)))
    window = window_layout(network(list(stream.populations), [both], period=PERIOD), context=6)
    assert [item.synapses.count for item in window.projections if item.target == "token5.b"] == [1] * 6


def test_windows_of_windows_and_of_nothing_are_refused() -> None:
    with pytest.raises(UserError, match="in window layout already"):
        window_layout(window_layout(perceptron(2, 2), 2), 2)
    with pytest.raises(UserError, match="a window of 0 tokens holds nothing"):
        window_layout(perceptron(2, 2), 0)
