"""Environments that pay at the end: the whole return comes with the last step."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium


class DelayedReward(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Every reward is 0 but an episode's last, which is the sum of all; so a return-to-go stays the same until then."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode, which has earned nothing."""
        self._earned = 0.0
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Act; what is earned is kept back until the episode is over."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._earned += float(reward)
        paid = self._earned if terminated or truncated else 0.0
        return observation, paid, terminated, truncated, info
