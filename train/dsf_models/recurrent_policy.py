"""Networks that answer a stream: what they keep of the past is as large after a thousand tokens as after one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from torch import Tensor

StateT = TypeVar("StateT")


class RecurrentPolicy(ABC, Generic[StateT]):
    """The recurrent form of a :class:`~dsf_models.policy_network.PolicyNetwork`, beside its form over windows.

    The two agree to rounding on an episode's tokens from its first one on. A window of the last K tokens has
    forgotten what the state still holds of earlier ones, so that the answers part after K tokens.
    """

    @abstractmethod
    def start(self, lanes: int) -> StateT:
        """The state before the first tokens of so many episodes."""

    @abstractmethod
    def step(self, token: Tensor, state: StateT) -> tuple[Tensor, StateT]:
        """The actions of the next tokens, (lanes, action_size), and the state after them.

        Parameters
        ----------
        token
            (lanes, token_size): z-scored state, previous action, scaled return-to-go.
        """
