"""Closed-loop scores of a model, many episodes at once: one forward pass a decision for all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_models.checkpoint import PolicyModel
from dsf_models.configuration import ModelKind
from dsf_models.token_history import TokenHistory
from neuro_runtime.environments import EnvironmentSpec, make_environment, normalised_score
from neuro_runtime.environments.closing import closing
from neuro_runtime.environments.make import require_memory_for
from neuro_runtime.episodes.closed_loop import Environment, EpisodeUnderWay, run_closed_loop

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
        """The standard error of the mean; infinite for a single episode."""
        count = len(self.scores)
        return float(self.scores.std(ddof=1) / math.sqrt(count)) if count > 1 else math.inf

    def text(self) -> str:
        """The mean and its standard error, which a single episode has none of."""
        return f"{self.mean:.1f} ± {self.standard_error:.1f}" if len(self.scores) > 1 else f"{self.mean:.1f}"


def asked_returns(kind: ModelKind, spec: EnvironmentSpec) -> tuple[float, ...]:
    """The return targets that a model of ``kind`` is evaluated with: the first alone where it reads none."""
    return spec.return_targets[:1] if kind.learns_values else spec.return_targets


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
    require_memory_for(episodes)
    environments = [
        make_environment(spec.name, delayed_reward=policy.delayed_reward, action_bounds=policy.action_bounds)
        for _ in range(episodes)
    ]
    with closing(*environments):
        returns = _run_side_by_side(policy, environments, return_target, seed, past, on_step)
    return Scores(return_target, returns, np.array([normalised_score(spec, value) for value in returns]))


def _run_side_by_side(
    policy: PolicyModel,
    environments: Sequence[Environment],
    return_target: float,
    seed: int,
    past: int | None,
    on_step: Callable[[], object],
) -> NDArray[np.float64]:
    history = TokenHistory(policy, len(environments), past)
    episodes: dict[int, EpisodeUnderWay] = {}

    def act(running: Mapping[int, EpisodeUnderWay]) -> list[NDArray[np.float32]]:
        """Decide in all lanes, also where an episode has ended: the batch keeps its shape."""
        episodes.update(running)
        observations = np.stack([episode.observation for episode in episodes.values()])
        returns = np.array([episode.total_reward for episode in episodes.values()])
        actions = history.act(observations, return_target - returns)
        if not np.isfinite(actions).all():
            raise UserError(
                "the policy's action is not finite, so it has no score: train it with a lower learning_rate"
            )
        on_step()
        return [actions[lane] for lane in running]

    seeds = range(seed, seed + len(environments))
    finished = run_closed_loop(environments, seeds, act)
    return np.array([episode.total_reward for episode in sorted(finished, key=lambda episode: episode.seed)])
