"""Intervals against values from published t tables and sums done by hand."""

from __future__ import annotations

import pytest

from dsf_common.statistics import MeanEstimate, estimate_mean, t_quantile


def test_the_interval_of_three_values() -> None:
    estimate = estimate_mean([1.0, 2.0, 3.0])
    error = 1 / 3**0.5
    assert estimate.mean == 2.0
    assert estimate.standard_error == pytest.approx(error)
    assert (estimate.low, estimate.high) == pytest.approx((2 - 4.303 * error, 2 + 4.303 * error))


def test_a_single_value_has_no_interval() -> None:
    assert estimate_mean([7.0]) == MeanEstimate(7.0, None, None, None)


@pytest.mark.parametrize(("degrees", "quantile"), [(1, 12.706), (30, 2.042), (40, 2.021), (60, 2.000), (120, 1.980)])
def test_t_quantiles_are_the_tables(degrees: int, quantile: float) -> None:
    assert t_quantile(degrees) == pytest.approx(quantile, abs=6e-4)
