"""Environments of a user's own, each wrong in one way, registered with Gymnasium by an id."""

from __future__ import annotations

import sys
from typing import Any

import gymnasium
import numpy as np

OBSERVATIONS: dict[str, Any] = {  # of two numbers, as the space says
    "nan observation": np.array([0.0, np.nan]),
    "observation of text": "here",
    "observation of digits": np.array(["0", "1"]),
    "observation of another shape": np.zeros(3),
    "complex observation": np.array([0, 1j]),
    "masked observation": np.ma.array([0.0, 1.0], mask=[False, True]),
    "observation of endless integers": [10**5000, 0],
    "beyond its bounds": np.array([0.0, 11.0]),
    "whole numbers at first": np.array([0.25, 0.75]),
}
REWARDS: dict[str, Any] = {
    "infinite reward": np.inf,
    "reward of text": "much",
    "reward of digits": "1",
    "endless reward": 10**5000,
    "no reward": None,
}
ENDS: dict[str, Any] = {"end of text": "no", "end without a value": None, "end that is nan": np.nan}
FAULTS = (
    "none",
    "reset fails",
    "reset exits",
    "step fails",
    "step exits",
    "close fails",
    "old gym's reset",
    "old gym's step",
    "ignores its seed",
    "prints",
    *OBSERVATIONS,
    *REWARDS,
    *ENDS,
)
WRONG_AT = 3  # the step


class OwnEnvironment(gymnasium.Env[Any, Any]):
    """Five steps that earn 1 each, two numbers shown; ``fault`` says what is wrong, from step ``wrong_at`` on."""

    observation_space = gymnasium.spaces.Box(-10.0, 10.0, (2,), np.float64)
    action_space = gymnasium.spaces.Box(-2.0, 2.0, (1,), np.float32)

    def __init__(self, fault: str = "none", wrong_at: int = 0, render_mode: str | None = None) -> None:
        assert fault in FAULTS
        self._fault, self._wrong_at, self.render_mode = fault, wrong_at, render_mode
        self._resets = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self._steps, self._resets = 0, self._resets + 1
        if self._fault == "reset fails":
            raise FileNotFoundError("track.json")
        if self._fault == "reset exits":
            sys.exit(0)
        if self._fault == "old gym's reset":
            return np.zeros(2)
        if self._fault == "whole numbers at first":
            return np.zeros(2, np.int64), {}
        return np.full(2, float(self._resets)) if self._fault == "ignores its seed" else np.zeros(2), {}

    def step(self, action: Any) -> Any:
        self._steps += 1
        fault = self._fault if self._steps > self._wrong_at else "none"
        if fault == "step fails":
            raise ZeroDivisionError("division by zero")
        if fault == "step exits":
            sys.exit(0)
        if fault == "prints":
            print("a step")
        if fault == "old gym's step":
            return np.zeros(2), 1.0, False, {}
        observation, reward = OBSERVATIONS.get(fault, np.zeros(2)), REWARDS.get(fault, 1.0)
        return observation, reward, ENDS.get(fault, self._steps == 5), False, {}

    def close(self) -> None:
        if self._fault == "close fails":
            raise OSError("the arm is gone")


def register(name: str, **options: Any) -> str:
    """Register an `OwnEnvironment` with these options; return its id."""
    gymnasium.register(name, entry_point=f"{__name__}:OwnEnvironment", max_episode_steps=5, kwargs=options)
    return name
