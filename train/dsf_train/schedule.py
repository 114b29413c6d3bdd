"""Schedules by the number of the training step alone: learning rate, PTBN's λ, and what dropout leaves out."""

from __future__ import annotations

import math

import numpy as np
import torch

from dsf_models import distributed
from dsf_train.configuration import Schedule, TrainConfig


def set_learning_rate(optimiser: torch.optim.Optimizer, config: TrainConfig, step: int) -> None:
    """Linear warm-up, then a cosine to 0, or the same rate to the end."""
    warmup = max(1, int(config.warmup_fraction * config.steps))
    if step < warmup:
        share = (step + 1) / warmup
    elif config.schedule is Schedule.constant:
        share = 1.0
    else:
        share = 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, config.steps - warmup)))
    for group in optimiser.param_groups:
        group["lr"] = config.learning_rate * share


def seed_dropout(seed: int, step: int) -> None:
    """Let what a step leaves out depend on (seed, step) alone, as all else does; each process leaves out its own."""
    own = [distributed.rank()] if distributed.rank() else []
    torch.manual_seed(int(np.random.SeedSequence([seed, step, *own]).generate_state(1)[0]))


def norm_blend(config: TrainConfig, step: int) -> float:
    """PTBN's λ = max(0, 1 − step / T_p)."""
    switch = config.norm_switch_fraction * config.steps
    return max(0.0, 1 - step / switch) if switch else 0.0
