"""An attention that hardly fires is told."""

from __future__ import annotations

from hw_profiles.quiet_attention import quiet_attention


def test_attentions_below_one_per_cent_are_named() -> None:
    rates = {
        "block0.attention.output": 0.0003,
        "block1.attention.output": 0.0,
        "block1.mlp.hidden": 0.0,
        "action": None,
    }
    told = quiet_attention(rates)
    assert told is not None
    assert "block0 0.03 %, block1 0 %" in told


def test_an_attention_that_fires_is_not() -> None:
    assert quiet_attention({"block0.attention.output": 0.01, "block0.attention.gate": 0.0}) is None
