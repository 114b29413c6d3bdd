"""Untrained policies whose layers all fire, for checks that must not depend on a training's outcome."""

from __future__ import annotations

import numpy as np
import torch

from dsf_models import DSFormer
from dsf_models.checkpoint import Normalisation, PolicyModel
from dsf_models.configuration import ModelConfig, Norm
from dsf_models.normalisation import PTBN
from dsf_models.normalisation_choice import RepPTBN, TdBN


def random_policy(
    config: ModelConfig,
    observation_size: int,
    action_size: int,
    seed: int = 0,
    environment: str = "",
    added_current: float = 0.0,
) -> PolicyModel:
    """A DSFormer with random weights, batch statistics of random tokens and random scales and shifts after them.

    Every layer fires, most of them in 5–30 % of their neurons and time steps. ``added_current``, in thresholds, is
    added to all currents after a norm, so that they fire more.
    """
    torch.manual_seed(seed)
    model = DSFormer(config, observation_size, action_size)
    threshold = config.threshold
    for name, module in model.named_modules():
        # The attention is a product of three spikes, so its factors must fire often for it to fire at all.
        is_factor = name.endswith(
            ("query.norm", "key.norm", "value.norm", "query.linear", "key.linear", "value.linear")
        )
        if isinstance(module, (PTBN, TdBN)):
            torch.nn.init.uniform_(module.batch_norm.weight, 0.8 * threshold, 1.6 * threshold)
            torch.nn.init.normal_(
                module.batch_norm.bias, (added_current + 0.6 * is_factor) * threshold, 0.3 * threshold
            )
        if isinstance(module, RepPTBN):
            torch.nn.init.constant_(module.skip, 0.3 * threshold)
        if config.norm is Norm.none and name.endswith(".linear"):
            torch.nn.init.normal_(module.get_parameter("weight"), std=2 * threshold / config.embedding_size**0.5)
            torch.nn.init.normal_(
                module.get_parameter("bias"), (added_current + 0.6 * is_factor) * threshold, 0.3 * threshold
            )
    for name, parameter in model.named_parameters():
        if name.endswith("position.weight"):
            torch.nn.init.normal_(parameter, threshold, 0.8 * threshold)
    torch.nn.init.normal_(model.head.weight, std=0.5 / config.embedding_size**0.5)
    _settle_statistics(model)
    random = np.random.default_rng(seed)
    normalisation = Normalisation(
        state_mean=random.normal(size=observation_size).astype(np.float32),
        state_std=random.uniform(0.5, 2.0, size=observation_size).astype(np.float32),
        return_scale=1000.0,
    )
    return PolicyModel(model.eval(), normalisation, environment, return_target=3000.0, configuration={})


def _settle_statistics(model: DSFormer, passes: int = 40) -> None:
    """Layers settle one after the other, so the running averages need a few passes a layer."""
    model.train()
    tokens = model.config.context
    with torch.no_grad():
        for _ in range(passes):
            model(
                torch.randn(4, tokens, model.observation_size),
                torch.rand(4, tokens, model.action_size) * 2 - 1,
                torch.rand(4, tokens, 1) * 3,
                torch.ones(4, tokens, dtype=torch.bool),
            )
