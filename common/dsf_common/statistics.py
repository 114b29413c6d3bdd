"""A mean over episodes and how far it can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# 97.5 % quantiles of Student's t for 1 … 30 degrees of freedom.
T_QUANTILES = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
NORMAL_QUANTILE = 1.959964


@dataclass(frozen=True)
class MeanEstimate:
    """Mean with its standard error and 95 % confidence interval; those three are None for a single value."""

    mean: float
    standard_error: float | None
    low: float | None
    high: float | None


def estimate_mean(values: Sequence[float]) -> MeanEstimate:
    """Mean of at least one value, with Student's t interval: ``mean ± t · s / √n``."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return MeanEstimate(mean, None, None, None)
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    reach = t_quantile(len(values) - 1) * error
    return MeanEstimate(mean, error, mean - reach, mean + reach)


def t_quantile(degrees: int) -> float:
    """97.5 % quantile of Student's t: tabulated to 30 degrees of freedom, then expanded around the normal's."""
    if degrees <= len(T_QUANTILES):
        return T_QUANTILES[degrees - 1]
    z = NORMAL_QUANTILE
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
