"""The interface of a backend: something that turns tokens into actions and says what that took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.action_bounds import ActionBounds
from neuro_runtime.activity import Activity
from neuro_runtime.policy_protocol import PolicyProtocol
from neuro_runtime.token import Token


class Decision(NamedTuple):
    """One answer of a backend: ``action`` of shape (act,), in the policy's −1 … 1 (not clipped), and what it cost."""

    action: NDArray[np.float64]
    activity: Activity


class Backend(Protocol):
    """A policy that can be run, one token at a time. It keeps the context; :meth:`reset` forgets it.

    Attributes
    ----------
    environment
        Name of the environment the policy was trained for, e.g. ``pen-e``.
    return_target
        The policy's default return-to-go at the first step, in raw reward.
    observation_size, action_size
        Widths of a token's state and of an action.
    """

    @property
    def environment(self) -> str: ...

    @property
    def return_target(self) -> float: ...

    @property
    def observation_size(self) -> int: ...

    @property
    def action_size(self) -> int: ...

    def reset(self) -> None:
        """Begin an episode: forget every earlier token."""
        ...

    def decide(self, token: Token) -> Decision:
        """Answer one environment step."""
        ...

    def close(self) -> None:
        """Release processes and files; may be called twice."""
        ...


@runtime_checkable
class KnowsProtocol(Protocol):
    """A backend whose policy says how it was trained, and is to be run."""

    @property
    def protocol(self) -> PolicyProtocol: ...


@runtime_checkable
class ClipsInputs(Protocol):
    """A backend that clips observations far from those its policy was trained on, and counts them."""

    @property
    def clipped_inputs(self) -> int: ...


def action_bounds_of(backend: Backend) -> ActionBounds | None:
    """The bounds of actions that a backend's policy says; None where it says nothing."""
    return backend.protocol.action_bounds if isinstance(backend, KnowsProtocol) else None


@runtime_checkable
class BatchBackend(Backend, Protocol):
    """A backend that also steers several environments at once, each in a lane of its own."""

    def open_lanes(self, count: int) -> None:
        """Make lanes 0 … count − 1, none of which has seen a token."""
        ...

    def reset_lane(self, lane: int) -> None:
        """Begin an episode in one lane; the others go on."""
        ...

    def decide_lanes(self, lanes: Sequence[int], tokens: Sequence[Token]) -> list[Decision]:
        """Answer one environment step in each of ``lanes``; what a lane answers does not depend on the others."""
        ...
