"""How much memory synapse lists take, in Loihi's format.

A core keeps one list for each source neuron (input axon) and synapse format. A list of n synapses is cut into blocks of
at most 64; a block is a header and its synapses, rounded up to whole words. A synapse is its weight, the delay field
if its format has one, and the index of its target neuron unless the list's targets follow one another.
Source: nengo-loihi, `block.py`, ``SynapseConfig.bits_per_axon``, ``INDEX_BITS_MAP`` and ``WEIGHT_BITS_MAP``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_profiles.capacity import Capacity
from hw_profiles.figure import Figure

INDEX_WIDTHS = (0, 6, 7, 8, 9, 10, 11, 12)
WEIGHT_WIDTHS = (1, 2, 3, 4, 5, 6, 8)


@dataclass(frozen=True)
class StoredFormat:
    """One synapse format of a core: bits of weight, delay and index, and the weights' power of two."""

    weight_bits: int
    delay_bits: int
    index_bits: int
    exponent: int

    @property
    def synapse_bits(self) -> int:
        """Bits of one synapse."""
        return self.weight_bits + self.delay_bits + self.index_bits


def index_width(neurons: int) -> int:
    """Bits of an index into a core with so many neurons; the widest there is, or more where that is too narrow."""
    needed = math.ceil(math.log2(neurons)) if neurons > 1 else 0
    return next((width for width in INDEX_WIDTHS if width >= needed), needed)


def weight_width(bits: int) -> int:
    """Bits in which a weight of so many bits is stored; wider ones than the format has keep theirs."""
    return next((width for width in WEIGHT_WIDTHS if width >= bits), bits)


def list_words(synapses: NDArray[np.int64], synapse_bits: int, capacity: Capacity) -> NDArray[np.int64]:
    """Words of lists of ``synapses`` synapses each, of ``synapse_bits`` bits a synapse."""
    word = _number(capacity.word_bits, absent=1)
    header = _number(capacity.axon_header_bits, absent=0)
    block = _number(capacity.synapses_per_axon_block, absent=int(synapses.max(initial=1)))
    full, rest = synapses // block, synapses % block
    words: NDArray[np.int64] = full * -(-(block * synapse_bits + header) // word)
    words += -(-(rest * synapse_bits + header) // word) * (rest > 0)
    return words


def _number(figure: Figure | None, absent: int) -> int:
    return absent if figure is None else round(figure.value)
