"""Words of synapse lists against nengo-loihi's formula and what Lava's compiler printed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw_profiles.capacity import Capacity
from hw_profiles.mapping.synapse_memory import index_width, list_words, weight_width
from support.small_networks import chip
from tests.hw_profiles.mapping.recount import axon_words


def capacity() -> Capacity:
    found = chip("loihi2").capacity
    assert found is not None
    return found


@given(synapses=st.integers(0, 1000), bits=st.integers(1, 26))
def test_words_are_those_of_the_formula_block_by_block(synapses: int, bits: int) -> None:
    assert list_words(np.array([synapses]), bits, capacity()).tolist() == [axon_words(synapses, bits)]


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        pytest.param(50, 12, id="784 -> 50: 78.40 % of 12,000 words at 784 axons"),
        pytest.param(10, 3, id="64 -> 10: 1.60 % at 64 axons"),
    ],
)
def test_words_of_an_axon_as_lava_printed_them(targets: int, words: int) -> None:
    """lava-dl, tutorials/lava/lib/dl/netx/mnist/run.ipynb: 8-bit weights and 6-bit indices, 10 bits of header."""
    assert list_words(np.array([targets]), 8 + index_width(targets), capacity()).tolist() == [words]


def test_the_row_that_the_formula_misses() -> None:
    """128 -> 64 printed 16.80 %, 15.75 words an axon; the formula has 15."""
    assert pytest.approx(15.75) == 0.168 * 12_000 / 128
    assert list_words(np.array([64]), 8 + index_width(64), capacity()).tolist() == [15]


def test_widths_are_the_ones_there_are() -> None:
    """nengo-loihi, block.py: INDEX_BITS_MAP and WEIGHT_BITS_MAP."""
    assert [index_width(neurons) for neurons in (1, 2, 64, 65, 1024, 1025, 4096)] == [0, 6, 6, 7, 10, 11, 12]
    assert [weight_width(bits) for bits in range(1, 9)] == [1, 2, 3, 4, 5, 6, 8, 8]
