"""PSSA's weights of pairs of places, as the published code has them, turned into weights of distances, which stream."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import torch
from torch import Tensor

from dsf_common.errors import UserError
from dsf_models.configuration import BiasSharing, PositionBias
from dsf_models.dsformer import Block, DSFormer
from dsf_models.mixings.position_weights import PairwiseWeights
from dsf_models.mixings.pssa import PSSA


def with_relative_position(model: DSFormer) -> DSFormer:
    """A copy of ``model`` whose P_ij are p_{i−j}: means along the diagonals.

    A mean is over the places i that a decision of a whole window depends on: the newest token's in the last block, and
    S − 1 more in each block before.

    Raises
    ------
    UserError
        Its attention has no weights of pairs of places.
    """
    config = model.config
    if config.mixing != "pssa" or config.position_bias is not PositionBias.pairwise:
        raise UserError(
            f"A model of model.mixing={config.mixing} has no weights of pairs of places to turn into others"
        )
    relative = replace(config, position_bias=PositionBias.relative, bias_sharing=BiasSharing.layer)
    relative = replace(relative, streaming=relative.without_stream() is None)
    made = DSFormer(relative, model.observation_size, model.action_size).to(model.head.weight)
    state = dict(model.state_dict())
    for number, block in enumerate(model.blocks):
        position = cast(PSSA, cast(Block, block).attention).position
        assert isinstance(position, PairwiseWeights)
        places = (config.blocks - 1 - number) * (config.window - 1) + 1
        state[f"blocks.{number}.attention.position.weight"] = by_distance(position.weight, config.window, places)
    made.load_state_dict(state)
    return made.train(model.training)


def by_distance(weight: Tensor, window: int, places: int) -> Tensor:
    """``p_d = mean_i P_{i, i−d}``, (S, 1), over the last ``places`` i of P, (K, K), that have a token d before them.

    A distance beyond the window's tokens, which none of them has, weighs 0.
    """
    tokens = len(weight)
    means = [weight.detach().diagonal(-distance)[-places:] for distance in range(min(window, tokens))]
    p = weight.new_zeros(window, 1)
    p[: len(means), 0] = torch.stack([mean.mean() for mean in means])
    return p
