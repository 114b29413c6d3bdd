"""Loihi's integer arithmetic as Lava's fixed-point models have it, bit for bit.

Sources: the fixed-point LIF and Dense models of lava-nc 0.10.0; the tests compare each function with Lava itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.limits import DECAY_BITS, DECAY_ONE, STATE_LIMIT

Integers = NDArray[np.int64]


def decayed(state: Integers, loss: int) -> Integers:
    """``trunc0(state·(4096 − loss) / 4096)``: rounds towards zero."""
    kept: Integers = np.sign(state) * ((np.abs(state) * (DECAY_ONE - loss)) >> DECAY_BITS)
    return kept


def wrap24(state: Integers) -> Integers:
    """Overflow of the current u: above 2^23 it comes back 2^24 lower, at or below −2^23 as much higher, once."""
    wrapped = np.where(state > STATE_LIMIT, state - 2 * STATE_LIMIT, state)
    return np.where(state <= -STATE_LIMIT, state + 2 * STATE_LIMIT, wrapped)


def clip24(state: Integers) -> Integers:
    """Overflow of the voltage v: it stays at ±(2^23 − 1)."""
    return np.clip(state, -(STATE_LIMIT - 1), STATE_LIMIT - 1)


def shift(value: Integers, exponent: int) -> Integers:
    """``value·2^exponent``, floored where the exponent is negative."""
    return value << exponent if exponent >= 0 else value >> -exponent
