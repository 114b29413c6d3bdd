"""Folding: the same decisions and spikes from a policy without normalisation layers, and what cannot be folded."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
import torch

from dsf_common.errors import UserError
from dsf_export.fold import fold
from dsf_export.stages import run_folded, run_model
from dsf_models import DSFormer
from dsf_models.configuration import BiasSharing, ModelConfig, Norm, PositionBias
from dsf_models.dsformer import Block
from support.random_policies import random_policy
from support.small_policies import (
    ACTIONS,
    BESIDE,
    DELAY,
    DELAY_MATRIX,
    LEVELS,
    LOW_RANK,
    OBSERVATIONS,
    PSSA,
    PSSA_LEVELS,
    SDSA1,
    SDSA3,
    SSSA,
    TSSA,
    WIDE,
    made_up,
    pssa_policy,
)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(replace(PSSA, bias_sharing=BiasSharing.layer), id="pssa, a vector a layer"),
        pytest.param(replace(PSSA, bias_sharing=BiasSharing.head, heads=4), id="pssa, a vector a head"),
        pytest.param(PSSA, id="pssa, a vector a channel"),
        pytest.param(TSSA, id="tssa"),
        pytest.param(SSSA, id="sssa"),
        pytest.param(SDSA1, id="sdsa1"),
        pytest.param(replace(SDSA3, threshold=0.2), id="sdsa3"),
        pytest.param(replace(SSSA, threshold=0.3, heads=4, levels=2), id="sssa, other neurons"),
        pytest.param(DELAY, id="delay"),
        pytest.param(DELAY_MATRIX, id="delay-matrix"),
        pytest.param(WIDE, id="delay-matrix, wide"),
        pytest.param(LOW_RANK, id="delay-matrix, low rank"),
        pytest.param(BESIDE, id="pssa-delay-matrix"),
        pytest.param(LEVELS, id="delay-matrix, levels"),
        pytest.param(PSSA_LEVELS, id="pssa, levels"),
        pytest.param(replace(DELAY, levels=2), id="delay, levels"),
        pytest.param(replace(PSSA, beta=0.6, threshold=0.8, time_steps=6), id="other neurons"),
        pytest.param(replace(DELAY, blocks=1, window=6, threshold=1.0, time_steps=1), id="one time step"),
        *(
            pytest.param(replace(config, norm=norm), id=f"{config.mixing}, {norm.value}")
            for config in (PSSA, DELAY, DELAY_MATRIX)
            for norm in (Norm.none, Norm.tdbn, Norm.repbn)
        ),
    ],
)
def test_folded_policy_is_the_model(config: ModelConfig) -> None:
    policy = random_policy(config, OBSERVATIONS, ACTIONS)
    recording = made_up(policy)
    model = run_model(policy, recording, lambda: None)
    folded = run_folded(fold(policy.model), policy.normalisation, recording, lambda: None)
    np.testing.assert_allclose(folded.actions, model.actions, atol=1e-12)
    for mine, theirs in zip(folded.spikes, model.spikes, strict=True):
        assert list(mine) == list(theirs)
        assert all((mine[name] == theirs[name]).all() for name in theirs)
    assert all(any(layers[name].any() for layers in model.spikes) for name in model.spikes[0])


def test_the_model_is_left_as_it_was() -> None:
    policy = pssa_policy()
    before = {name: tensor.clone() for name, tensor in policy.model.state_dict().items()}
    folded = fold(policy.model)
    folded.blocks[0].mlp_hidden.weight[:] = 0
    run_model(policy, made_up(policy, decisions=2), lambda: None)
    after = policy.model.state_dict()
    assert all(
        torch.equal(after[name], tensor) and after[name].dtype == tensor.dtype for name, tensor in before.items()
    )


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (replace(TSSA, window=6, streaming=False), "see 11 tokens"),
        (replace(SDSA1, window=6, streaming=False), "see 11 tokens"),
        (
            replace(SSSA, embedding_size=2048, heads=1),
            "scores of as much as 2048, .* no further than 2047",
        ),
        (replace(TSSA, embedding_size=1024, heads=2), "scores of as much as 2048, .* no further than 1023"),
        (replace(PSSA, norm=Norm.tdln), "deviation over all channels"),
        (replace(DELAY_MATRIX, carry_membranes=True, streaming=False), "go on for as long as a stream"),
        (
            replace(BESIDE, position_bias=PositionBias.pairwise, streaming=False),
            "train with model.position_bias=relative",
        ),
        (
            replace(PSSA, position_bias=PositionBias.pairwise, streaming=False),
            "train with model.position_bias=relative",
        ),
        (replace(PSSA, window=4, streaming=False), "see 7 tokens"),
    ],
)
def test_what_cannot_stream_is_refused_with_the_reason(config: ModelConfig, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        fold(DSFormer(config, OBSERVATIONS, ACTIONS))


def test_another_normalisation_is_refused_by_name() -> None:
    model = DSFormer(PSSA, OBSERVATIONS, ACTIONS)
    cast(Block, model.blocks[1]).mlp.hidden.norm = torch.nn.LayerNorm(32)  # type: ignore[assignment]
    with pytest.raises(UserError, match=r"block1\.mlp\.hidden is normalised by LayerNorm"):
        fold(model)
