"""The sentence of comparison says what the figures say, whichever way it comes out."""

from __future__ import annotations

import pytest

from hw_profiles.energy import STATIC
from hw_profiles.report.document.answers import MEASURED, PRICED, Baseline
from hw_profiles.report.document.costs import Cost, EnergyAccount
from hw_profiles.report.document.ranges import Band
from hw_profiles.report.verdict import Standing, standing, verdict

BASELINES = (
    Baseline("fp32", "a transformer in fp32", "transformer, fp32", PRICED, Band(400.0, 300.0, 500.0), ()),
    Baseline("int8", "a transformer in int8", "transformer, int8", PRICED, Band(20.0, 10.0, 30.0), ()),
    Baseline("board", "this network on a board", "this network, board", MEASURED, Band(1000.0, 500.0, 3000.0), ()),
)
FIVE = Band(5.0, 5.0, 5.0)


def account(total: Band, term: str = "synaptic operations") -> EnergyAccount:
    """The whole energy in one term."""
    return EnergyAccount(total, (Cost(term, total),), (), (), ())


@pytest.mark.parametrize(
    ("energy", "reading"),
    [
        (Band(5.0, 4.0, 6.0), "below every baseline, over its whole band"),
        (Band(5.0, 4.0, 400.0), "below every baseline, but the bands overlap"),
        (
            Band(5.0, 4.0, 12.0),
            "It takes less than int8, less over its whole band than fp32; where nothing is said, bands",
        ),
        (Band(100.0, 50.0, 200.0), "It takes more over its whole band than int8, less over its whole band than fp32;"),
        (Band(100.0, 25.0, 400.0), "It takes more than int8, less than fp32; where nothing is said, bands overlap;"),
        (Band(100.0, 40.0, 400.0), "more over its whole band than int8, less than fp32; where nothing is said, bands"),
        (Band(600.0, 20.0, 900.0), "above every baseline, but the bands overlap"),
        (
            Band(600.0, 450.0, 900.0),
            "It takes more over its whole band than int8, more than fp32; where nothing is said,",
        ),
        (Band(900.0, 501.0, 2000.0), "above every baseline, over its whole band"),
    ],
)
def test_bands_decide_what_may_be_said(energy: Band, reading: str) -> None:
    assert reading in verdict("a chip", account(energy), BASELINES, ())


def test_ratios_are_of_the_nominal_figures() -> None:
    sentence = verdict("a chip", account(Band(100.0, 50.0, 200.0)), BASELINES, ())
    assert "100 pJ (50 pJ … 200 pJ) a decision, 5 times the cheapest" in sentence
    assert "0.25 times the dearest (transformer, fp32: 400 pJ)" in sentence
    assert "1/80 of the dearest" in verdict("a chip", account(FIVE), BASELINES, ())
    assert "0 pJ a decision, 0 times the cheapest" in verdict("a chip", account(Band(0.0, 0.0, 0.0)), BASELINES, ())


def test_a_total_with_static_power_is_compared_with_measured_totals_alone() -> None:
    sentence = verdict("a chip", account(Band(2000.0, 900.0, 9000.0), STATIC), BASELINES, ())
    assert "2 times the cheapest ANN baseline (this network, board: 1 nJ)" in sentence
    assert "above every baseline, but the bands overlap" in sentence
    assert "scaled by multiply-accumulates" in sentence
    assert "transformer" not in sentence


def test_baselines_of_one_profile_are_told_apart_by_what_runs_on_it() -> None:
    cached = Baseline("int8", "the same, cached", "cached transformer, int8", PRICED, Band(60.0, 55.0, 70.0), ())
    cheaper = Baseline("int8", "a small one", "small network, int8", PRICED, Band(20.0, 10.0, 30.0), ())
    sentence = verdict("a chip", account(Band(100.0, 80.0, 200.0)), (*BASELINES[:2], cached, cheaper), ())
    assert "than transformer, int8, cached transformer, int8 and small network, int8, less" in sentence


def test_equal_nominal_figures_are_no_win() -> None:
    assert standing(FIVE, FIVE) is Standing.nominally_above


def test_it_says_what_the_two_sides_do_not_count_alike() -> None:
    assert "neither static power nor a host" in verdict("a chip", account(FIVE), BASELINES, ())
    assert "it leaves out memory, routing, while" in verdict("it", account(FIVE), BASELINES, ("memory", "routing"))


@pytest.mark.parametrize("baselines", [(), BASELINES[2:]])
def test_without_a_baseline_of_its_kind_it_compares_nothing(baselines: tuple[Baseline, ...]) -> None:
    assert "no ANN baseline to compare it with" in verdict("a chip", account(FIVE), baselines, ())
