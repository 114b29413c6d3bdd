"""A policy's program, decision by decision, and its model on the same tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dsf_models.checkpoint import PolicyModel
from neuro_runtime.activity import Activity
from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.simulators.interpreter import Interpreter
from support.small_policies import ACTIONS, OBSERVATIONS, lowered, made_up


@dataclass(frozen=True, eq=False)
class Counted:
    """The float program's counts at each decision, and the model's record: spikes by layer, and its mask."""

    activities: list[Activity]
    spikes: dict[str, Tensor]
    mask: Tensor


def counted(policy: PolicyModel) -> Counted:
    """Two episodes of as many tokens as the context has, one of them shorter: padded windows for the model."""
    program = lowered(policy)[1]
    backend = ProgramBackend(program, Interpreter(program))
    episodes = made_up(policy, decisions=10, episode_length=6).episodes
    assert [len(episode) for episode in episodes] == [6, 4]
    activities, mask = [], torch.zeros(2, 6, dtype=torch.bool)
    windows = torch.zeros(2, 6, OBSERVATIONS + ACTIONS + 1)
    norm = policy.normalisation
    for number, episode in enumerate(episodes):
        backend.reset()
        for place, token in enumerate(episode, start=6 - len(episode)):
            activities.append(backend.decide(token).activity)
            state = (token.state - norm.state_mean) / norm.state_std
            scaled_return = np.array([token.return_to_go / norm.return_scale])
            windows[number, place] = torch.from_numpy(np.concatenate([state, token.previous_action, scaled_return]))
            mask[number, place] = True
    spikes: dict[str, Tensor] = {}
    with torch.no_grad():
        policy.model(*torch.split(windows, [OBSERVATIONS, ACTIONS, 1], dim=-1), mask, spikes)
    return Counted(activities, spikes, mask)
