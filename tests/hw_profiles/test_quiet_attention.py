"""An attention that hardly fires is told."""

from __future__ import annotations

from dataclasses import dataclass

from hw_profiles.quiet_attention import quiet_attention


@dataclass(frozen=True)
class Layer:
    name: str
    firing_rate: float | None
    spikes: float = 0.0


def test_attentions_below_one_per_cent_are_named() -> None:
    layers = [
        Layer("block0.attention.output", 0.0003),
        Layer("block1.attention.output", 0.0),
        Layer("block1.mlp.hidden", 0.0),
        Layer("action", None),
    ]
    told = quiet_attention(layers)
    assert told is not None
    assert "block0 0.03 %, block1 0 %" in told


def test_an_attention_that_fires_is_not() -> None:
    assert quiet_attention([Layer("block0.attention.output", 0.01), Layer("block0.attention.gate", 0.0)]) is None


def test_channels_that_a_lean_program_lost_are_silent_ones() -> None:
    """Two of 64 are left, 4 time steps each."""
    layers = [Layer("block0.attention.output", 0.25, 2.0), Layer("block0.mlp.input", 0.5, 128.0)]
    told = quiet_attention(layers)
    assert told is not None
    assert "block0 0.78 %" in told


def test_an_attention_that_is_gone_is_told() -> None:
    layers = [Layer("block0.mlp.input", 0.5, 100.0), Layer("block1.attention.input", 0.5, 1.0)]
    assert quiet_attention(layers) == "No neuron of the token mixing is in block0, so no action depends on it."
