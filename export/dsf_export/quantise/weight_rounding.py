"""From real weights to Loihi's: the one rounding that the exporter applies and that training can train through.

A synapse of N bits is a mantissa, one of the 2^N multiples of ``2^(9 − N)`` in ``[−256, 256 − 2^(9 − N)]`` (Lava's
weights of mixed sign: 8 bits are the even numbers), times a power of two that its connection has. A weight matrix may
be laid out as several connections, each with its own exponent: each weight then goes to the finest one that holds it,
so that small weights are not rounded by the step that the largest one needs. A weight has one synapse either way.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.program.limits import BIAS_BITS, MANTISSA_SPAN, WEIGHT_BITS
from neuro_runtime.program.weight_format import WeightFormat

Integers = NDArray[np.int32]
_AS_GOOD = 1e-6  # errors that differ by less, relatively, may swap places from one processor to the next


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


def round_weight(weight: NDArray[np.generic], scale: float, weight_format: WeightFormat) -> RoundedWeight:
    """The nearest weights that Loihi has: ``weight·scale ≈ mantissa·2^exponent``.

    The coarsest exponent is the smallest that every weight fits, and the format's number of exponents are chosen from
    there down; a weight gets the finest of them that it fits. Values on the grid stay as they are.

    - Within the portable subset they end where the finest weight is whole, −1 for 8 bits, and are those with the least
      squared error: an outlier has one of its own, and the others serve the rest.
    - By Lava's arithmetic they follow each other and end at 0. Below, a connection's sum is floored, which is worth it
      only where the mantissas of the coarsest would not fill their bits otherwise.

    Parameters
    ----------
    weight
        All weights of one connection, of any shape.
    scale
        Integers for 1.0 of the current that the weights add to.
    """
    scaled = np.asarray(weight, dtype=np.float64) * scale
    coarsest = _coarsest(scaled, weight_format, weight_format.smallest_exponent)
    exponents: Iterable[int] = range(coarsest - 1, max(coarsest - weight_format.exponents, -1), -1)
    if weight_format.chip.is_portable:
        exponents = _least_error(scaled, coarsest, weight_format)
    return _rounded(scaled, scale, coarsest, exponents, weight_format)


def round_bias(bias: NDArray[np.generic], scale: float, weight_format: WeightFormat) -> list[RoundedWeight]:
    """A bias as synapses of the bias line: ``bias·scale ≈ Σ_n mantissa_n·2^exponent_n``, one connection for each n.

    A bias counts in every time step, so its rounding error is a constant pull where a weight's is noise. It gets 16
    bits at any weight width: after the first connection, further ones with what is still missing. Their steps end at 1
    integer in the portable subset, at 2 by Lava's arithmetic; a single source's sum is one weight, so no shift floors
    anything.

    Returns
    -------
    list of RoundedWeight
        Their ``value`` is in integers, as their scale is 1.
    """
    missing = np.asarray(bias, dtype=np.float64) * scale
    finest = weight_format.smallest_exponent if weight_format.chip.is_portable else weight_format.bits - WEIGHT_BITS
    made: list[RoundedWeight] = []
    for _ in range(-(-BIAS_BITS // weight_format.bits)):
        rounded = _rounded(missing, 1, _coarsest(missing, weight_format, finest), (), weight_format)
        if made and not rounded.mantissa.any():
            break
        made.append(rounded)
        missing = missing - rounded.value
    return made


def _rounded(
    scaled: NDArray[np.float64], scale: float, coarsest: int, finer: Iterable[int], weight_format: WeightFormat
) -> RoundedWeight:
    """Each weight at the finest exponent that it fits: ``coarsest``, or one of ``finer``, which fall."""
    exponent = np.full(scaled.shape, coarsest, dtype=np.int32)
    for power in finer:
        exponent[_fits(scaled, power, weight_format)] = power
    return RoundedWeight(_mantissas(scaled, exponent, weight_format), exponent, scale)


def _mantissas(scaled: NDArray[np.float64], exponent: Integers | int, weight_format: WeightFormat) -> Integers:
    step = weight_format.step
    mantissas: Integers = step * np.rint(np.ldexp(scaled, -exponent) / step).astype(np.int32)
    return mantissas


def _least_error(scaled: NDArray[np.float64], coarsest: int, weight_format: WeightFormat) -> tuple[int, ...]:
    """The exponents below ``coarsest``, falling, that together with it round with the least squared error.

    Of several that are as good, the nearest to the coarsest and to each other.
    """
    if not scaled.any():
        return ()
    below = range(coarsest - 1, weight_format.smallest_exponent - 1, -1)
    wanted = min(weight_format.exponents - 1, len(below))
    if wanted == len(below):
        return tuple(below)
    errors = _error_by_exponent(scaled.ravel(), [coarsest, *below], weight_format)
    taken = _places_taken(len(errors), wanted)
    sums = errors[np.arange(len(errors)), taken].sum(axis=1)
    best = taken[np.flatnonzero(sums <= sums.min() * (1 + _AS_GOOD))[0]]
    return tuple(below[place - 1] for place in np.unique(best).tolist() if place)


@cache
def _places_taken(exponents: int, wanted: int) -> NDArray[np.int64]:
    """Every choice of the first of ``exponents`` and ``wanted`` others: where each one's weights go, (choices, n).

    They go to the nearest chosen one before them.
    """
    taken = []
    for places in combinations(range(1, exponents), wanted):
        chosen = np.array([0, *places])
        taken.append(chosen[np.searchsorted(chosen, np.arange(exponents), side="right") - 1])
    return np.array(taken)


def _error_by_exponent(
    values: NDArray[np.float64], exponents: Sequence[int], weight_format: WeightFormat
) -> NDArray[np.float64]:
    """Squared errors, (n, m): of all values that fit the n-th exponent and no finer one, rounded at the m-th."""
    finest = np.zeros(len(values), dtype=int)
    for n, exponent in enumerate(exponents):
        finest[_fits(values, exponent, weight_format)] = n
    errors = np.zeros((len(exponents), len(exponents)))
    for m, exponent in enumerate(exponents):
        squared = (_mantissas(values, exponent, weight_format) * 2.0**exponent - values) ** 2
        errors[:, m] = np.bincount(finest, squared, minlength=len(exponents))
    return errors


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
