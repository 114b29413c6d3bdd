"""Schedules by the number of the training step alone: learning rate, PTBN's λ, and what dropout leaves out."""

from __future__ import annotations

import math
from typing import assert_never

import numpy as np
import torch

from dsf_models import distributed
from dsf_train.configuration import Schedule, TrainConfig


def set_learning_rate(optimiser: torch.optim.Optimizer, config: TrainConfig, step: int) -> None:
    """Linear warm-up, then a cosine to 0, or the same rate to the end."""
    warmup = max(1, int(config.warmup_fraction * config.steps))
    if step < warmup:
        share = (step + 1) / warmup
    else:
        share = _share_after_warmup(config.schedule, step - warmup, max(1, config.steps - warmup))
    for group in optimiser.param_groups:
        group["lr"] = config.learning_rate * share


def _share_after_warmup(schedule: Schedule, done: int, steps: int) -> float:
    """The share of the full learning rate after ``done`` of the ``steps`` that follow the warm-up."""
    match schedule:
        case Schedule.cosine:
            return 0.5 * (1 + math.cos(math.pi * done / steps))
        case Schedule.constant:
            return 1.0
        case _:
            assert_never(schedule)


def seed_dropout(seed: int, step: int) -> None:
    """Let what a step leaves out depend on (seed, step) alone, as all else does; each process leaves out its own."""
    own = [distributed.rank()] if distributed.rank() else []
    torch.manual_seed(int(np.random.SeedSequence([seed, step, *own]).generate_state(1)[0]))


def norm_blend(config: TrainConfig, step: int) -> float:
    """PTBN's λ = max(0, 1 − step / T_p)."""
    switch = config.norm_switch_fraction * config.steps
    return max(0.0, 1 - step / switch) if switch else 0.0
