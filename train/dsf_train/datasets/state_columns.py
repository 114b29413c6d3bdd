"""Columns of observations that may not be what they seem: constant, out of scale, or with a mark for no reading."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

CONSTANT = 1e-6  # deviation by mean at which float32 leaves nothing of a column
FAR = 30  # deviations from the mean
OUT_OF_SCALE = 1e4  # deviation by another's

Array = NDArray[np.float64]


def is_constant(moments: Array) -> NDArray[np.bool_]:
    """Which columns do not vary beyond float32's rounding, (observation_size,).

    Parameters
    ----------
    moments
        Means and deviations, (2, observation_size).
    """
    mean, deviation = moments
    return np.asarray(deviation <= CONSTANT * np.abs(mean))


def doubts(moments: Array, span: Array) -> Iterator[str]:
    """A sentence for each doubtful column.

    Parameters
    ----------
    moments, span
        Means and deviations, least and largest, (2, observation_size) each.
    """
    mean, deviation = moments
    constant = is_constant(moments)
    for column in np.flatnonzero(constant):
        yield f"observation {column} is {mean[column]:g} in every step: a policy learns nothing from it"
    varying = np.flatnonzero(~constant)
    if not len(varying):
        return
    least, largest = span
    extreme = np.where(largest - mean > mean - least, largest, least)
    for column in varying:
        far = abs(extreme[column] - mean[column]) / deviation[column]
        if far > FAR:
            yield (
                f"observation {column} reaches {extreme[column]:g}, {far:.0f} deviations from its mean: if that marks "
                "a missing reading, take those steps out"
            )
    small, large = (varying[pick(deviation[varying])] for pick in (np.argmin, np.argmax))
    ratio = deviation[large] / deviation[small]
    if ratio >= OUT_OF_SCALE:
        yield f"observation {large} varies {ratio:,.0f} times as much as observation {small}: are their units right?"
