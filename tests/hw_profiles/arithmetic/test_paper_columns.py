"""The paper's "Power" row: operations by hand and as the networks count them, and what the printed figures imply."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsf_models import make_model
from dsf_models.configuration import ModelConfig, ModelKind
from hw_profiles.arithmetic.paper_columns import Column, fcnet_macs, paper_columns, spikegpt_operations
from hw_profiles.arithmetic.paper_convention import Dimensions
from hw_profiles.loader import load_profile

PAPER = load_profile("cmos45-paper")
SIZE = Dimensions()
SMALL = Dimensions(layers=2, embedding=4, tokens=3, observation=5, action=2)


def column(name: str, size: Dimensions = SIZE) -> Column:
    return next(each for each in paper_columns(size) if each.name == name)


def test_there_are_eight_columns_six_of_them_with_a_printed_figure() -> None:
    printed = {each.name: each.printed for each in paper_columns(SIZE)}
    assert printed == {
        "BC": None,
        "CQL": None,
        "DT": 410.5,
        "FCNet": 1022.03,
        "SpikeGPT": 27.8,
        "SpikeBERT": 806.7,
        "DSFormer, TSSA": 96.1,
        "DSFormer, PSSA": 88.8,
    }


def test_operations_by_hand() -> None:
    assert fcnet_macs(SMALL) == 3 * (2 * (2 * 16 + 60 * 4) + 4 * 8 + 4 * 128 + 128 * 2)
    assert spikegpt_operations(SMALL) == 13 * 16 * 3 * 2
    assert column("SpikeBERT", SMALL).accumulates == 12 * 16 * 3 * 2 + 2 * 9 * 4 * 2
    assert column("BC", SMALL).macs == 128 * 7 + 2 * 128**2
    assert column("SpikeGPT", SMALL).macs == 3 * 4 * (5 + 2 + 1 + 2)


@pytest.mark.parametrize(
    ("kind", "block"),
    [
        (ModelKind.spikegpt, spikegpt_operations(SMALL) // SMALL.layers),
        (ModelKind.fcnet, 3 * 2 * 16),  # the recurrence, 6 M D a token, takes the place of its filters over all pairs
    ],
)
def test_our_networks_count_the_same_linears(kind: ModelKind, block: int) -> None:
    config = ModelConfig(kind=kind, embedding_size=4, blocks=2, context=3, modes=2)
    config = replace(config, mlp_ratio=1 if kind is ModelKind.fcnet else 4)
    first, second = (
        make_model(replace(config, blocks=blocks), SMALL.observation, SMALL.action).macs(SMALL.tokens)
        for blocks in (1, 2)
    )
    assert second - first == block + SMALL.tokens**2 * SMALL.embedding


def test_fcnets_printed_figure_is_its_published_width_not_the_others() -> None:
    """1022.03 µJ are 222.2 million multiply-accumulates: 12 times those of 128 channels, within 4 % of those of 512."""
    wide = Column("FCNet", None, fcnet_macs(replace(SIZE, embedding=512)))
    assert column("FCNet").energy(PAPER) == pytest.approx(83.0, abs=0.05)
    assert wide.energy(PAPER) == pytest.approx(1055.1, abs=0.05)
    assert wide.energy(PAPER) / 1022.03 == pytest.approx(1, abs=0.04)


def test_the_spikes_that_the_printed_figures_imply() -> None:
    """Of T = 4 steps, SpikeBERT's inputs bring 2.5 each: more than a spike, as its shortcuts add spikes up."""
    implied = {each.name: each.implied_spikes(PAPER) for each in paper_columns(SIZE)}
    assert implied["DT"] is None
    assert implied["SpikeGPT"] == pytest.approx(0.35, abs=0.005)
    assert implied["SpikeBERT"] == pytest.approx(10.07, abs=0.005)
    assert implied["DSFormer, PSSA"] == pytest.approx(1.233, abs=0.001)
    assert column("SpikeBERT").energy(PAPER, 10.07) == pytest.approx(806.7, abs=0.5)
