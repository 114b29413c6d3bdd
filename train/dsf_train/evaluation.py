"""Closed-loop scores of a model, many episodes at once: one forward pass a decision for all of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import gymnasium
import numpy as np
from numpy.typing import NDArray

from dsf_models.checkpoint import PolicyModel
from dsf_models.token_history import TokenHistory
from neuro_runtime.environments import EnvironmentSpec, make_environment, normalised_score

EVALUATION_SEED = 10_000  # the first episode's; training seeds never reach the environment


@dataclass(frozen=True)
class Scores:
    """Returns and normalised scores of the episodes run with one return target."""

    return_target: float
    returns: NDArray[np.float64]  # (episodes,)
    scores: NDArray[np.float64]  # (episodes,), 0 a random policy, 100 the reference

    @property
    def mean(self) -> float:
        """Mean normalised score."""
        return float(self.scores.mean())

    @property
    def standard_error(self) -> float:
        """Of the mean; infinite for a single episode."""
        count = len(self.scores)
        return float(self.scores.std(ddof=1) / math.sqrt(count)) if count > 1 else math.inf


def evaluate(
    policy: PolicyModel,
    spec: EnvironmentSpec,
    return_target: float,
    episodes: int,
    seed: int = EVALUATION_SEED,
    past: int | None = None,
    on_step: Callable[[], object] = lambda: None,
) -> Scores:
    """Run ``episodes`` episodes side by side, episode n seeded ``seed + n``.

    A policy that was trained with delayed reward is paid at the end, so its return-to-go stays at the target.

    Parameters
    ----------
    past
        Where given, only this many latest tokens reach the model; 1 cuts the past off.
    """
    environments = [make_environment(spec.name, delayed_reward=policy.delayed_reward) for _ in range(episodes)]
    try:
        returns = _run_side_by_side(policy, environments, return_target, seed, past, on_step)
    finally:
        for environment in environments:
            environment.close()
    return Scores(return_target, returns, np.array([normalised_score(spec, value) for value in returns]))


def _run_side_by_side(
    policy: PolicyModel,
    environments: list[gymnasium.Env[NDArray[np.float64], NDArray[np.float32]]],
    return_target: float,
    seed: int,
    past: int | None,
    on_step: Callable[[], object],
) -> NDArray[np.float64]:
    history = TokenHistory(policy, len(environments), past)
    observations = np.stack([env.reset(seed=seed + n)[0] for n, env in enumerate(environments)])
    returns = np.zeros(len(environments))
    running = np.ones(len(environments), dtype=bool)
    while running.any():
        actions = history.act(observations, return_target - returns)
        for n in np.flatnonzero(running):
            observations[n], reward, terminated, truncated, _ = environments[n].step(actions[n])
            returns[n] += float(reward)
            running[n] = not (terminated or truncated)
        on_step()
    return returns
