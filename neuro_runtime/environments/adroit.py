"""D4RL's Adroit, on any release of gymnasium-robotics.

Two things changed after D4RL recorded its data: the sign of the palm-object term in the reward of door, hammer and
relocate, and the pen's termination. Both are detected from what the environment does, not assumed from its version.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError

Observation = NDArray[np.float64]
Action = NDArray[np.float32]
AdroitEnv = gymnasium.Env[Observation, Action]
Step = tuple[Observation, SupportsFloat, bool, bool, dict[str, Any]]

PALM_WEIGHT = 0.1  # D4RL's reward has −0.1·‖palm − object‖
PEN_HEIGHT, PEN_DROPPED_BELOW = 26, 0.075  # entry of the observation; metres
TOLERANCE = 1e-6


@dataclass(frozen=True)
class PalmTerm:
    """The palm-object term of a task's reward, and what else the first step's reward is made of.

    Attributes
    ----------
    distance
        ‖palm − object‖ in metres, from an observation.
    other_terms
        The rest of the reward right after a reset, where no bonus is earned yet, from the simulator
        (``env.unwrapped``).
    """

    distance: Callable[[Observation], float]
    other_terms: Callable[[Any], float]


def _door_other_terms(simulator: Any) -> float:
    hinge = float(np.ravel(simulator.data.qpos[simulator.door_hinge_addrs])[0])
    return -0.1 * (hinge - 1.57) ** 2 - 1e-5 * float((simulator.data.qvel**2).sum())


def _hammer_other_terms(simulator: Any) -> float:
    data = simulator.data
    nail = data.site_xpos[simulator.target_obj_site_id].ravel()
    head_to_nail = np.linalg.norm(data.site_xpos[simulator.tool_site_id].ravel() - nail)
    nail_to_goal = np.linalg.norm(nail - data.site_xpos[simulator.goal_site_id].ravel())
    return float(-head_to_nail - 10 * nail_to_goal - 1e-2 * np.linalg.norm(data.qvel))


PALM_TERMS = {
    "AdroitHandDoor-v1": PalmTerm(lambda o: float(np.linalg.norm(o[35:38])), _door_other_terms),
    "AdroitHandRelocate-v1": PalmTerm(lambda o: float(np.linalg.norm(o[30:33])), lambda simulator: 0.0),
    "AdroitHandHammer-v1": PalmTerm(lambda o: float(np.linalg.norm(o[33:36] - o[36:39])), _hammer_other_terms),
}


class PenDrops(gymnasium.Wrapper[Observation, Action, Observation, Action]):
    """The episode ends when the pen falls below 0.075 m, as in D4RL; nothing changes where it already does."""

    def step(self, action: Action) -> Step:
        """Take a step."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        dropped = bool(observation[PEN_HEIGHT] < PEN_DROPPED_BELOW)
        return observation, reward, terminated or dropped, truncated, info


class SubtractPalmDistance(gymnasium.Wrapper[Observation, Action, Observation, Action]):
    """Turns ``+0.1·distance`` in the reward into D4RL's ``−0.1·distance``."""

    def __init__(self, env: AdroitEnv, distance: Callable[[Observation], float]) -> None:
        super().__init__(env)
        self._distance = distance

    def step(self, action: Action) -> Step:
        """Take a step."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        corrected = float(reward) - 2 * PALM_WEIGHT * self._distance(observation)
        return observation, corrected, terminated, truncated, info


def adds_palm_distance(probe: AdroitEnv, term: PalmTerm) -> bool:
    """Whether the environment's reward adds the palm-object distance, seen in the first step after a reset.

    Parameters
    ----------
    probe
        An environment of its own for this, as it is reset and stepped.

    Raises
    ------
    UserError
        The reward is neither D4RL's nor D4RL's with that sign turned.
    """
    probe.reset(seed=0)
    observation, reward, *_ = probe.step(np.zeros(probe.action_space.shape or (), dtype=np.float32))
    title = probe.spec.id if probe.spec else str(probe)
    try:
        palm_term = float(reward) - term.other_terms(probe.unwrapped)
    except (AttributeError, KeyError, IndexError) as problem:
        raise UserError(
            f"this release of gymnasium-robotics keeps {title} in a way that is not known here ({problem}), so its "
            "reward cannot be compared with D4RL's; install release 1.4.2"
        ) from problem
    expected = PALM_WEIGHT * term.distance(observation)
    if abs(palm_term - expected) < TOLERANCE:
        return True
    if abs(palm_term + expected) < TOLERANCE:
        return False
    raise UserError(
        f"the reward of {title} is not the one D4RL recorded: its palm-object term is {palm_term:.4f}, "
        f"not ±{expected:.4f}; install release 1.4.2 of gymnasium-robotics"
    )


def like_d4rl(env: AdroitEnv, make_probe: Callable[[], AdroitEnv]) -> AdroitEnv:
    """``env`` with D4RL's reward and termination; an environment that has them already stays as it is.

    Parameters
    ----------
    make_probe
        Makes another environment just like ``env``, to try what its reward is made of.
    """
    name = env.spec.id if env.spec else ""
    if name == "AdroitHandPen-v1":
        return PenDrops(env)
    term = PALM_TERMS.get(name)
    if term is None:
        return env
    probe = make_probe()
    try:
        turned = adds_palm_distance(probe, term)
    finally:
        probe.close()
    return SubtractPalmDistance(env, term.distance) if turned else env
