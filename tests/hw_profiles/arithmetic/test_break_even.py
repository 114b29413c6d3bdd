"""Published break-even points, at and beside each."""

from __future__ import annotations

import pytest

from hw_profiles.arithmetic.break_even import THRESHOLDS, Verdict, break_even


def test_the_published_points() -> None:
    assert [(threshold.low, threshold.high, threshold.a_step) for threshold in THRESHOLDS] == [
        (0.15, 1.38, False),
        (1.72, 1.72, False),
        (0.057, 0.064, True),
    ]


@pytest.mark.parametrize(
    ("spikes", "steps", "verdicts"),
    [
        (0.1, 4, [Verdict.below, Verdict.below, Verdict.below]),
        (0.15, 4, [Verdict.within, Verdict.below, Verdict.below]),
        (0.24, 4, [Verdict.within, Verdict.below, Verdict.within]),  # a rate of 0.06
        (0.24, 2, [Verdict.within, Verdict.below, Verdict.above]),  # of 0.12
        (1.38, 4, [Verdict.within, Verdict.below, Verdict.above]),
        (1.5, 4, [Verdict.above, Verdict.below, Verdict.above]),
        (2.0, 4, [Verdict.above, Verdict.above, Verdict.above]),
        (0.0, 4, [Verdict.below, Verdict.below, Verdict.below]),
    ],
)
def test_a_network_beside_each(spikes: float, steps: int, verdicts: list[Verdict]) -> None:
    assert [result.verdict for result in break_even(spikes, steps)] == verdicts


def test_the_value_is_in_the_thresholds_unit() -> None:
    assert [result.value for result in break_even(1.2, 4)] == [1.2, 1.2, pytest.approx(0.3)]
