"""The energies that the paper prints, from its dimensions; a tolerance of half its last printed digit, 0.05 µJ."""

from __future__ import annotations

import pytest

from hw_profiles.arithmetic.paper_convention import (
    PRINTED,
    PRINTED_TRANSFORMER,
    Dimensions,
    Mixing,
    SpikesPerInput,
    accumulates,
    implied_spikes,
    spiking_energy,
    spiking_operations,
    transformer_energy,
    transformer_operations,
)
from hw_profiles.loader import load_profile

PAPER = load_profile("cmos45-paper")
LAST_DIGIT = 0.05  # µJ


def test_decision_transformers_energies_follow_exactly_from_the_dimensions() -> None:
    """36.57 M multiply-accumulates in attention and 89.23 M in all, at 4.6 pJ."""
    operations = transformer_operations(Dimensions())
    assert operations.attention == pytest.approx(36.57e6, abs=0.005e6)
    assert operations.total == pytest.approx(89.23e6, abs=0.005e6)
    energy = transformer_energy(PAPER)
    assert energy.attention == pytest.approx(168.2, abs=LAST_DIGIT)
    assert energy.total == pytest.approx(410.5, abs=LAST_DIGIT)
    assert (energy.attention, energy.total) == pytest.approx(
        (PRINTED_TRANSFORMER.attention, PRINTED_TRANSFORMER.total), abs=LAST_DIGIT
    )


@pytest.mark.parametrize(
    "wrong",
    [Dimensions(layers=3), Dimensions(embedding=256), Dimensions(tokens=60), Dimensions(observation=17, action=6)],
)
def test_no_other_dimensions_give_them(wrong: Dimensions) -> None:
    """The published training options (L 3; D 256; K 20, so 60 tokens) and another environment all miss."""
    assert transformer_energy(PAPER, wrong).total != pytest.approx(410.5, abs=LAST_DIGIT)


@pytest.mark.parametrize(
    ("mixing", "total", "attention", "million_accumulates"),
    [(Mixing.pssa, 88.8, 31.0, 97.5), (Mixing.tssa, 96.1, 44.6, 105.6)],
)
def test_the_spiking_energies_follow_from_the_implied_rates(
    mixing: Mixing, total: float, attention: float, million_accumulates: float
) -> None:
    """Two unknowns from two figures, so the energies must match; what can fail is that the rates are possible ones."""
    spikes = implied_spikes(mixing, PAPER)
    energy = spiking_energy(mixing, spikes, PAPER)
    assert (energy.total, energy.attention) == pytest.approx((total, attention), abs=LAST_DIGIT)
    assert accumulates(mixing, spikes) == pytest.approx(million_accumulates * 1e6, abs=0.05e6)
    assert 1.0 < spikes.feed_forward < spikes.attention < 1.4  # of T = 4: rates of 0.27 to 0.34


@pytest.mark.parametrize(("mixing", "spikes"), [(Mixing.pssa, 1.233), (Mixing.tssa, 1.188)])
def test_one_rate_for_all_layers_gives_the_total(mixing: Mixing, spikes: float) -> None:
    """One unknown from one figure; the two variants then differ by 4 %, though nothing forces them together."""
    energy = spiking_energy(mixing, SpikesPerInput(spikes, spikes), PAPER)
    assert energy.total == pytest.approx(PRINTED[mixing].total, abs=LAST_DIGIT)


def test_the_printed_saving_is_the_price_of_an_accumulate_not_sparsity() -> None:
    """78.4 % less energy with 9 % more operations: at one price for both, DSFormer costs more."""
    assert pytest.approx(0.784, abs=0.0005) == 1 - 88.8 / 410.5
    more = accumulates(Mixing.pssa, implied_spikes(Mixing.pssa, PAPER)) / transformer_operations(Dimensions()).total
    assert more == pytest.approx(1.09, abs=0.005)


def test_the_same_counts_at_other_prices() -> None:
    """In int8 and int32 the two meet: 20.5 µJ against 9.7; at Loihi 1's price of a synaptic operation 2.3 mJ."""
    macs = transformer_operations(Dimensions()).total
    adds = accumulates(Mixing.pssa, implied_spikes(Mixing.pssa, PAPER))
    int8, loihi = load_profile("cmos45-int8").energy, load_profile("loihi1-davies2018").energy
    assert int8.mac is not None
    assert int8.synop is not None
    assert loihi.synop is not None
    assert macs * int8.mac.value / 1e6 == pytest.approx(20.5, abs=LAST_DIGIT)
    assert adds * int8.synop.band[1] / 1e6 == pytest.approx(9.7, abs=LAST_DIGIT)
    assert adds * loihi.synop.value / 1e9 == pytest.approx(2.3, abs=0.05)


def test_pssa_mixes_tokens_with_fewer_operations_than_tssa() -> None:
    pssa, tssa = (spiking_operations(mixing, Dimensions()).attention for mixing in (Mixing.pssa, Mixing.tssa))
    assert tssa - pssa == 2 * 100**2 * 128 * 4 - 100 * 8 * 128 * 4
