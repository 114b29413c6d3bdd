"""The protocol of a policy: the conditions that it was trained under, and is to be run under."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neuro_runtime.action_bounds import ActionBounds

FAR = 10.0  # times the largest return that a policy is asked for


@dataclass(frozen=True)
class PolicyProtocol:
    """The conditions; they go with a policy through every file.

    Attributes
    ----------
    return_target
        The raw return that it is asked for by default.
    return_scale
        Divides a return-to-go before the network gets it.
    delayed_reward
        Whether all reward came with the last step of an episode.
    input_clip
        Deviations from the mean at which an observation's entry is clipped; infinite where none is.
    action_bounds
        What an action's −1 … 1 stands for, in the environment's own unit; None in a file of an earlier release, which
        means −1 … 1.
    data_notes
        A sentence for everything in its training data that was not as it should be.
    """

    return_target: float
    return_scale: float
    delayed_reward: bool
    input_clip: float = math.inf
    action_bounds: ActionBounds | None = None
    data_notes: tuple[str, ...] = ()

    @property
    def largest_return(self) -> float:
        """The order of the returns-to-go that the policy was trained with."""
        return max(abs(self.return_target), self.return_scale)

    def is_far(self, return_to_go: float) -> bool:
        """Whether no return-to-go of the training can have been nearly as large."""
        return abs(return_to_go) > FAR * self.largest_return

    def document(self) -> dict[str, object]:
        """Plain values for JSON; null where there is no clip, or no bounds are known."""
        bounds = self.action_bounds
        return {
            "return_target": self.return_target,
            "return_scale": self.return_scale,
            "delayed_reward": self.delayed_reward,
            "input_clip": self.input_clip if self.input_clip < math.inf else None,
            "action_low": list(bounds.low) if bounds else None,
            "action_high": list(bounds.high) if bounds else None,
            "first_choice": bounds.first_choice if bounds else None,
            "data_notes": list(self.data_notes),
        }

    def __str__(self) -> str:
        """One line."""
        clip = "not clipped" if self.input_clip == math.inf else f"clipped at {self.input_clip:g} deviations"
        paid = "with the last step of an episode" if self.delayed_reward else "step by step"
        return (
            f"actions of {self.action_bounds or '−1 … 1'}, observations {clip}, returns divided by "
            f"{self.return_scale:g}, reward paid {paid}"
        )
