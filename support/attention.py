"""A policy without its attention, or without its past."""

from __future__ import annotations

import torch

from dsf_models.checkpoint import PolicyModel
from neuro_runtime.environments import EnvironmentSpec


def silence(policy: PolicyModel) -> None:
    """Let no spike of a token mixing have an effect; its projection's bias stays."""
    with torch.no_grad():
        for name, weight in policy.model.named_parameters():
            if name.endswith("attention.project.linear.weight"):
                weight.zero_()


def past_that_is_cut(spec: EnvironmentSpec) -> int:
    """Tokens that a policy is left with: of a T-maze of N steps the last N, so that the cue alone is cut, else one."""
    return int(spec.options.get("length", 1))
