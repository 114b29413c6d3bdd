"""The counted work of a window where several layers feed a mixing, or several mixings feed the residual stream."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from dsf_models.configuration import ModelConfig
from dsf_models.torch_backend import window_activity
from support.random_policies import random_policy
from support.small_policies import ACTIONS, BESIDE, LEVELS, OBSERVATIONS

D, S = 16, 3


def worked(config: ModelConfig) -> tuple[dict[str, int], dict[str, int]]:
    """Spikes by layer and synops by target of a window of six tokens."""
    model = random_policy(replace(config, blocks=1), OBSERVATIONS, ACTIONS, seed=1).model
    spikes: dict[str, Tensor] = {}
    tokens = torch.randn(1, 6, OBSERVATIONS + ACTIONS + 1, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        model(*torch.split(tokens, [OBSERVATIONS, ACTIONS, 1], dim=-1), torch.ones(1, 6, dtype=torch.bool), spikes)
    activity = window_activity(model, spikes, tokens=6)
    assert all(activity.spikes.values())
    return dict(activity.spikes), dict(activity.synops)


def test_every_level_of_a_population_code_drives_the_mixing() -> None:
    spikes, synops = worked(LEVELS)
    fired = sum(spikes[f"block0.attention.level{level}.input"] for level in range(3))
    assert synops["block0.attention.output"] == fired * S * D
    assert synops["block0.attention.project"] == spikes["block0.attention.output"] * D


def test_both_mixings_of_a_block_read_its_input_and_are_projected() -> None:
    spikes, synops = worked(BESIDE)
    fired = spikes["block0.attention.input"]
    assert synops["block0.attention.delay.output"] == fired * S * 2 * D
    assert all(synops[f"block0.attention.{factor}"] == fired * D for factor in ("query", "key", "value"))
    assert synops["block0.attention.output"] > 0
    projected = spikes["block0.attention.delay.output"] + spikes["block0.attention.output"]
    assert synops["block0.attention.project"] == projected * D
