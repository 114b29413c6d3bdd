"""The trained model, recomputing all that it sees at every decision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from dsf_models import PolicyNetwork
from dsf_models.checkpoint import PolicyModel
from dsf_models.token_history import TokenHistory
from neuro_runtime.activity import Activity
from neuro_runtime.backends.base import Decision
from neuro_runtime.policy_protocol import PolicyProtocol
from neuro_runtime.token import Token


class TorchBackend:
    """A trained model in closed loop, in float32."""

    def __init__(self, policy: PolicyModel) -> None:
        self._policy = policy
        self._clipped_inputs = 0
        self.reset()

    @property
    def environment(self) -> str:
        """Name of the environment the model was trained for."""
        return self._policy.environment

    @property
    def return_target(self) -> float:
        """Default return-to-go of the first step, in raw reward."""
        return self._policy.return_target

    @property
    def observation_size(self) -> int:
        """Width of a token's state."""
        return self._policy.model.observation_size

    @property
    def action_size(self) -> int:
        """Width of an action."""
        return self._policy.model.action_size

    @property
    def protocol(self) -> PolicyProtocol:
        """How the model was trained, and is to be run."""
        return self._policy.protocol

    @property
    def clipped_inputs(self) -> int:
        """Entries of observations that were clipped up to now."""
        return self._clipped_inputs

    def reset(self) -> None:
        """Forget every earlier token."""
        self._history = TokenHistory(self._policy, lanes=1)

    def decide(self, token: Token) -> Decision:
        """The last token's action. The previous action is the model's own, as the history keeps it."""
        spikes: dict[str, Tensor] = {}
        self._clipped_inputs += self._policy.normalisation.clipped(token.state)
        with one_torch_thread():
            action = self._history.act(token.state[None], np.array([token.return_to_go]), spikes)
        activity = window_activity(self._policy.model, spikes, self._history.tokens)
        return Decision(action[0].astype(np.float64), activity)

    def close(self) -> None:
        """There is nothing to release."""


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """One window's tensors are so small that threads of PyTorch would spend far longer waiting than computing."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def window_activity(model: PolicyNetwork, spikes: dict[str, Tensor], tokens: int) -> Activity:
    """The counted work of one window: every layer works on all its ``tokens``, one after another on the same neurons.

    A spike costs one synop at each synapse it crosses; what a token mixing costs besides is counted in its
    file. A model without neurons has multiply-accumulates alone, all of them under those of the host.
    """
    if not spikes:
        return Activity({}, {}, {}, time_steps=0, host_macs=model.macs(tokens))
    return Activity(
        spikes={name: int(layer.sum()) for name, layer in spikes.items()},
        neuron_steps={name: layer.numel() for name, layer in spikes.items()},
        synops=model.window_synops(spikes),
        time_steps=model.time_steps(tokens),
        host_macs=model.macs(tokens),
    )
