"""From real weights to Loihi's: the one rounding that the exporter applies and that training can train through.

A synapse of N bits is a mantissa, one of the 2^N multiples of ``2^(9 − N)`` in ``[−256, 256 − 2^(9 − N)]`` (Lava's
weights of mixed sign: 8 bits are the even numbers), times a power of two that its connection has. A weight matrix may
be laid out as several connections with exponents one apart: each weight then goes to the finest one that holds it,
so that small weights are not rounded by the step that the largest one needs. A weight has one synapse either way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.limits import BIAS_BITS, MANTISSA_SPAN, SMALLEST_EXPONENT, WEIGHT_BITS
from neuro_runtime.program.weight_format import WeightFormat

Integers = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class RoundedWeight:
    """Integer weights and the scale they are counted in.

    Attributes
    ----------
    mantissa, exponent
        One of each for every weight, in the weights' shape.
    scale
        Integers for 1.0.
    """

    mantissa: Integers
    exponent: Integers
    scale: float

    @property
    def value(self) -> NDArray[np.float64]:
        """The real weights that the integers stand for: ``mantissa·2^exponent / scale``."""
        meant: NDArray[np.float64] = self.mantissa * 2.0**self.exponent / self.scale
        return meant


def round_weight(
    weight: NDArray[np.generic], scale: float, weight_format: WeightFormat, finest: int = SMALLEST_EXPONENT
) -> RoundedWeight:
    """The nearest weights that Loihi has: ``weight·scale ≈ mantissa·2^exponent``.

    The coarsest exponent is the smallest that every weight fits; a weight gets the finest of the format's exponents,
    from there down, that it fits. They stop at 0: below it a connection's sum is floored, which is worth it only where
    the mantissas of the coarsest would not fill their bits otherwise. Values on the grid stay as they are.

    Parameters
    ----------
    weight
        All weights of one connection, of any shape.
    scale
        Integers for 1.0 of the current that the weights add to.
    finest
        No exponent is below this.
    """
    scaled = np.asarray(weight, dtype=np.float64) * scale
    coarsest = _coarsest(scaled, weight_format, finest)
    exponent = np.full(scaled.shape, coarsest, dtype=np.int32)
    for finer in range(coarsest - 1, max(coarsest - weight_format.exponents, -1), -1):
        exponent[_fits(scaled, finer, weight_format)] = finer
    step = weight_format.step
    mantissa = step * np.rint(np.ldexp(scaled, -exponent) / step).astype(np.int32)
    return RoundedWeight(mantissa, exponent, scale)


def round_bias(bias: NDArray[np.generic], scale: float, bits: int) -> list[RoundedWeight]:
    """A bias as synapses of the bias line: ``bias·scale ≈ Σ_n mantissa_n·2^exponent_n``, one connection for each n.

    A bias counts in every time step, so its rounding error is a constant pull where a weight's is noise. It gets 16
    bits at any weight width: after the first connection, further ones with what is still missing. Their steps stop at
    2 integers; a single source's sum is one weight, so no shift floors anything.

    Returns
    -------
    list of RoundedWeight
        Their ``value`` is in integers, as their scale is 1.
    """
    missing = np.asarray(bias, dtype=np.float64) * scale
    made: list[RoundedWeight] = []
    for _ in range(-(-BIAS_BITS // bits)):
        rounded = round_weight(missing, 1, WeightFormat(bits, exponents=1), finest=bits - WEIGHT_BITS)
        if made and not rounded.mantissa.any():
            break
        made.append(rounded)
        missing = missing - rounded.value
    return made


def _coarsest(scaled: NDArray[np.float64], weight_format: WeightFormat, finest: int) -> int:
    if not scaled.any():
        return 0
    extremes = np.array([scaled.min(), scaled.max()])  # all others fit where these two do
    surely_too_fine = math.frexp(float(np.abs(extremes).max()) / MANTISSA_SPAN)[1] - 2
    exponent = max(finest, surely_too_fine + 1)
    while not _fits(extremes, exponent, weight_format).all():
        exponent += 1
    return exponent


def _fits(scaled: NDArray[np.float64], exponent: int, weight_format: WeightFormat) -> NDArray[np.bool_]:
    """Whether the nearest mantissas are in range.

    In steps, the smallest mantissa is even and the largest odd. A tie rounds to even, so half a step below the smallest
    is still in range, and half a step above the largest is not.
    """
    lowest = (weight_format.smallest - weight_format.step / 2) * 2.0**exponent
    beyond = (weight_format.largest + weight_format.step / 2) * 2.0**exponent
    fits: NDArray[np.bool_] = (scaled >= lowest) & (scaled < beyond)
    return fits
