"""From episodes to batches of token windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from train.checkpoint import Normalisation
from train.datasets import Episode

STD_FLOOR = 1e-6


@dataclass(frozen=True)
class Batch:
    """Windows of K tokens, left-padded at the start of an episode."""

    states: Tensor  # (B, K, observation_size), z-scored
    previous_actions: Tensor  # (B, K, action_size), zero at an episode's first step
    returns_to_go: Tensor  # (B, K, 1), scaled
    actions: Tensor  # (B, K, action_size), the targets
    mask: Tensor  # (B, K) bool, True for a real token
    steps: Tensor  # (B, K) integers, a token's step in its episode, from 0

    def to(self, device: torch.device) -> Batch:
        """The batch on another device."""
        return Batch(**{name: tensor.to(device, non_blocking=True) for name, tensor in vars(self).items()})


def normalisation_of(episodes: Sequence[Episode], return_scale: float) -> Normalisation:
    """The dataset's state mean and standard deviation (+ 1e-6, as the paper's code)."""
    states = np.concatenate([episode.observations for episode in episodes])
    std = states.std(axis=0) + STD_FLOOR
    return Normalisation(states.mean(axis=0).astype(np.float32), std.astype(np.float32), return_scale)


class TokenWindows:
    """All windows of a dataset, each ending at one environment step; every step is equally likely.

    The batch of training step n depends on (seed, n) alone, so a resumed run sees what an unbroken one would.
    """

    def __init__(self, episodes: Sequence[Episode], normalisation: Normalisation, context: int) -> None:
        states = np.concatenate([episode.observations for episode in episodes])
        self._states = torch.from_numpy((states - normalisation.state_mean) / normalisation.state_std)
        self._actions = torch.from_numpy(np.concatenate([episode.actions for episode in episodes]))
        self._previous_actions = torch.from_numpy(np.concatenate([_shifted(episode.actions) for episode in episodes]))
        returns = np.concatenate([returns_to_go(episode.rewards) for episode in episodes])
        self._returns = torch.from_numpy((returns / normalisation.return_scale).astype(np.float32))[:, None]
        lengths = np.array([len(episode.rewards) for episode in episodes])
        self._first = np.repeat(np.cumsum(lengths) - lengths, lengths)
        self._offsets = np.arange(1 - context, 1)

    def __len__(self) -> int:
        return len(self._states)

    def batch(self, seed: int, step: int, size: int, raised_returns: float = 0.0) -> Batch:
        """The ``size`` windows of training step ``step``.

        Parameters
        ----------
        raised_returns
            σ of the absolute value of a normal number that is added to all returns-to-go of a window, one number a
            window, scaled as they are. The differences between its tokens, which are rewards, stay.
        """
        random = np.random.default_rng([seed, step])
        batch = self.windows(random.integers(len(self), size=size))
        if not raised_returns:
            return batch
        raised = np.abs(random.normal(scale=raised_returns, size=(size, 1, 1))).astype(np.float32)
        returns = (batch.returns_to_go + torch.from_numpy(raised)).masked_fill(~batch.mask[..., None], 0.0)
        return replace(batch, returns_to_go=returns)

    def windows(self, last: NDArray[np.int64]) -> Batch:
        """Windows whose last tokens are the dataset's steps ``last``, shape (B,)."""
        places = last[:, None] + self._offsets
        mask = torch.from_numpy(places >= self._first[last][:, None])
        index = torch.from_numpy(np.maximum(places, 0))

        def take(column: Tensor) -> Tensor:
            return column[index].masked_fill(~mask[..., None], 0.0)

        steps = torch.from_numpy(np.maximum(places - self._first[last][:, None], 0))
        states, previous_actions, returns, actions = map(
            take, (self._states, self._previous_actions, self._returns, self._actions)
        )
        return Batch(states, previous_actions, returns, actions, mask, steps)


def returns_to_go(rewards: NDArray[np.float32]) -> NDArray[np.float64]:
    """``R̂_k = Σ_{n≥k} r_n``, shape (steps,)."""
    return np.cumsum(rewards[::-1], dtype=np.float64)[::-1].copy()


def _shifted(actions: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([np.zeros_like(actions[:1]), actions[:-1]])
