"""The sentence of comparison says what the figures say, whichever way it comes out."""

from __future__ import annotations

import pytest

from hw_profiles.report.document.answers import Baseline
from hw_profiles.report.document.ranges import Band
from hw_profiles.report.verdict import verdict

BASELINES = (
    Baseline("fp32", "a transformer in fp32", "transformer, fp32", Band(400.0, 300.0, 500.0), ()),
    Baseline("int8", "a transformer in int8", "transformer, int8", Band(20.0, 10.0, 30.0), ()),
)


@pytest.mark.parametrize(
    ("energy", "reading"),
    [
        (Band(5.0, 4.0, 6.0), "below every baseline, over its whole band"),
        (Band(5.0, 4.0, 12.0), "below every baseline, but the bands overlap"),
        (Band(100.0, 50.0, 200.0), "between the baselines"),
        (Band(600.0, 450.0, 900.0), "above every baseline, but the bands overlap"),
        (Band(900.0, 501.0, 2000.0), "above every baseline, over its whole band"),
    ],
)
def test_bands_decide_what_may_be_said(energy: Band, reading: str) -> None:
    assert reading in verdict("a chip", energy, BASELINES, ())


def test_ratios_are_of_the_nominal_figures() -> None:
    sentence = verdict("a chip", Band(100.0, 50.0, 200.0), BASELINES, ())
    assert "100 pJ (50 pJ … 200 pJ) a decision, 5 times the cheapest" in sentence
    assert "0.25 times the dearest (transformer, fp32: 400 pJ)" in sentence
    assert "1/80 of the dearest" in verdict("a chip", Band(5.0, 5.0, 5.0), BASELINES, ())


def test_it_says_what_the_two_sides_do_not_count_alike() -> None:
    assert "neither static power nor a host" in verdict("a chip", Band(5.0, 5.0, 5.0), BASELINES, ())
    assert "it leaves out memory, routing, while" in verdict(
        "it", Band(5.0, 5.0, 5.0), BASELINES, ("memory", "routing")
    )


def test_without_a_baseline_it_compares_nothing() -> None:
    assert "no ANN baseline to compare it with" in verdict("a chip", Band(5.0, 5.0, 5.0), (), ())
