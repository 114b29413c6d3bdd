"""Energies against sums done by hand."""

from __future__ import annotations

import pytest

from hw_profiles.activity import ActivityCounts
from hw_profiles.energy import estimate_energy
from hw_profiles.loader import load_profile
from hw_profiles.profile import Grade
from hw_profiles.report import energy_text, estimate_text

COUNTS = ActivityCounts(
    synops=1000, active_updates=100, idle_updates=400, spikes=50, time_steps=20, host_macs=10
)  # of one decision


def test_the_papers_convention_prices_accumulates_and_multiply_accumulates() -> None:
    estimate = estimate_energy(COUNTS, load_profile("cmos45-paper"))
    assert [(line.count, line.each_pj) for line in estimate.lines] == [(1000, 0.9), (10, 4.6)]
    assert estimate.total_pj == pytest.approx(1000 * 0.9 + 10 * 4.6)
    assert estimate.band_pj == pytest.approx((946.0, 946.0))


def test_the_papers_printed_figures_follow_from_its_counts() -> None:
    """97.5 M accumulates are the 88.8 µJ it prints for PSSA, less its ANN parts; 89.23 M MACs the 410.5 µJ of DT."""
    profile = load_profile("cmos45-paper")
    assert estimate_energy(ActivityCounts(host_macs=89.23e6), profile).total_pj == pytest.approx(410.5e6, rel=1e-3)
    assert estimate_energy(ActivityCounts(synops=97.5e6), profile).total_pj == pytest.approx(88.8e6, rel=2e-2)


def test_loihi_adds_neurons_spikes_and_the_powers_that_never_sleep() -> None:
    estimate = estimate_energy(COUNTS, load_profile("loihi1-davies2018"))
    static, host = 20 * 104 * 16.65e3, 20 * 23.2 * 16.65e3  # 20 steps of 16.65 µs; 1 mW for 1 µs is 1000 pJ
    by_hand = 1000 * 23.6 + 100 * 81 + 400 * 52 + 50 * 1.7 + static + host
    assert estimate.total_pj == pytest.approx(by_hand)
    low = 1000 * 23.6 + 100 * 52 + 400 * 52 + 50 * 1.7 + 20 * 104 * 5.8e3
    high = 1000 * 23.6 + 100 * 81 + 400 * 81 + 50 * 1.7 + 20 * (178 + 407) * 63.7e3
    assert estimate.band_pj == pytest.approx((low, high))


def test_a_product_of_two_figures_is_no_better_known_than_the_worse() -> None:
    lines = estimate_energy(COUNTS, load_profile("loihi1-davies2018")).lines
    assert {line.term: line.grade for line in lines}["static power × time step"] is Grade.inferred


def test_every_figure_is_printed_with_its_source_and_what_it_leaves_out() -> None:
    for name in ("cmos45-paper", "loihi1-davies2018"):
        estimate = estimate_energy(COUNTS, load_profile(name))
        text = estimate_text(estimate)
        assert all(line.source in text and line.grade.value in text for line in estimate.lines)
        assert all(item in text for item in estimate.not_counted)


@pytest.mark.parametrize(
    ("picojoules", "text"),
    [(0, "0 pJ"), (0.9, "0.9 pJ"), (2345, "2.35 nJ"), (88.8e6, "88.8 µJ"), (7.4e9, "7.4 mJ"), (3e12, "3 J")],
)
def test_energies_read_in_the_unit_that_fits(picojoules: float, text: str) -> None:
    assert energy_text(picojoules) == text
