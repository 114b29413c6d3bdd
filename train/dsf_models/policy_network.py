"""The interface of a model to the trainer, the evaluation and model.pt, whatever is inside it."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from dsf_models.configuration import ModelConfig

Spikes = dict[str, Tensor]  # by layer, (T, tokens, width), real tokens only


class PolicyNetwork(nn.Module, ABC):
    """From windows of (state, previous action, return-to-go) to an action a token.

    Parameters
    ----------
    config
        Kind and dimensions, kept as ``config``.
    observation_size, action_size
        The environment's widths.
    """

    def __init__(self, config: ModelConfig, observation_size: int, action_size: int) -> None:
        super().__init__()
        self.config = config
        self.observation_size = observation_size
        self.action_size = action_size

    @property
    def tokens_seen(self) -> int:
        """How many of the latest tokens a decision has to be given."""
        return self.config.context

    @abstractmethod
    def forward(
        self,
        states: Tensor,
        previous_actions: Tensor,
        returns_to_go: Tensor,
        mask: Tensor,
        spikes: Spikes | None = None,
        steps: Tensor | None = None,
    ) -> Tensor:
        """Actions of every token of a batch of windows.

        Parameters
        ----------
        states, previous_actions, returns_to_go
            (B, K, ·), z-scored states and scaled returns; windows shorter than K are fine.
        mask
            (B, K) bool, True for a real token; padding is on the left.
        spikes
            Where given, receives each spiking layer's output by name, (T, tokens, width), real tokens only; models
            without neurons add nothing.
        steps
            (B, K) integers, each token's step in its episode, from 0; None means that the windows begin with their
            episodes. Models without time-step embedding ignore them.

        Returns
        -------
        Tensor
            (B, K, action_size) in (−1, 1); zero for padding.
        """

    @abstractmethod
    def macs(self, tokens: int) -> int:
        """Multiply-accumulates of one window of ``tokens`` real tokens, other than a spike's at a synapse."""

    def time_steps(self, tokens: int) -> int:
        """Time steps of spiking neurons in one window of ``tokens`` tokens; 0 where there are none."""
        return 0

    def window_synops(self, spikes: Spikes) -> dict[str, int]:
        """Synaptic operations of one window by target layer, from the spikes that :meth:`forward` recorded of it."""
        return {}
