"""Closed-loop scores of a model, many episodes at once: one forward pass a decision for all of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuro_runtime.environments import EnvironmentSpec, make_environment, normalised_score
from train.checkpoint import PolicyModel

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


class TokenHistory:
    """The last K tokens of several episodes that run in step, and the model's next actions for them.

    Windows are padded on the left, as in training, so a token's place in the window is what `pairwise` weights expect.
    """

    def __init__(self, policy: PolicyModel, lanes: int, past: int | None = None) -> None:
        model = policy.model
        self._model = model
        self._normalisation = policy.normalisation
        parameter = next(model.parameters())
        tokens = min(past or model.tokens_seen, model.tokens_seen)
        self._seen = tokens

        def blank(width: int, dtype: torch.dtype = parameter.dtype) -> Tensor:
            return torch.zeros(lanes, tokens, width, dtype=dtype, device=parameter.device)

        self._states, self._actions, self._returns = blank(model.observation_size), blank(model.action_size), blank(1)
        self._real = blank(1, torch.bool)
        self._steps = blank(1, torch.int64)
        self._step = 0
        self._last_action = blank(model.action_size)[:, 0]

    @property
    def tokens(self) -> int:
        """Real tokens that the latest decision was made of."""
        return min(self._step, self._seen)

    def act(
        self,
        observations: NDArray[np.float64],
        returns_to_go: NDArray[np.float64],
        spikes: dict[str, Tensor] | None = None,
    ) -> NDArray[np.float32]:
        """Add a token (raw observation, last action, raw return-to-go) to each lane and return its actions."""
        states = (observations - self._normalisation.state_mean) / self._normalisation.state_std
        self._states = _append(self._states, states)
        self._actions = _append(self._actions, self._last_action)
        self._returns = _append(self._returns, returns_to_go[:, None] / self._normalisation.return_scale)
        self._real = _append(self._real, np.ones((len(states), 1)))
        self._steps = _append(self._steps, np.full((len(states), 1), self._step))
        self._step += 1
        training = self._model.training
        self._model.eval()
        with torch.no_grad():
            actions = self._model(
                self._states,
                self._actions,
                self._returns,
                self._real[..., 0],
                spikes=spikes,
                steps=self._steps[..., 0],
            )
        self._model.train(training)
        self._last_action = actions[:, -1]
        chosen: NDArray[np.float32] = self._last_action.cpu().numpy()
        return chosen


def _append(window: Tensor, token: NDArray[np.float64] | Tensor) -> Tensor:
    """``window`` (lanes, K, width) with its oldest token gone and ``token`` (lanes, width) the newest."""
    newest = torch.as_tensor(token, dtype=window.dtype, device=window.device)
    return torch.cat([window[:, 1:], newest[:, None]], dim=1)
