"""From a dataset to batches of transitions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsf_common.errors import UserError
from dsf_models.checkpoint import Normalisation
from dsf_train.datasets import Columns
from dsf_train.datasets.best import best_episodes


@dataclass(frozen=True)
class TransitionBatch:
    """Steps with what followed them, in float32.

    Attributes
    ----------
    states, next_states
        (B, observation_size), z-scored; zero after a terminal step.
    actions, next_actions
        (B, action_size).
    rewards, terminals
        (B, 1); a terminal step is 1.
    """

    states: Tensor
    actions: Tensor
    rewards: Tensor
    next_states: Tensor
    next_actions: Tensor
    terminals: Tensor


class Transitions:
    """Steps of a dataset, each as likely as another; they are read from where the dataset lies on disk.

    An episode that came to its end before the environment's time limit has a terminal last step. Another's last step is
    left out, as nobody knows the state after it; with delayed reward, which lies there, it is terminal.

    Parameters
    ----------
    time_limit
        Steps after which the environment breaks off.
    delayed_reward
        All reward at the end of its episode.
    best_share
        Share of the steps that are drawn, those of the episodes of highest return.
    reward_scale
        Multiplies every reward.

    Raises
    ------
    UserError
        No step has a state after it.
    """

    def __init__(
        self,
        dataset: Columns,
        normalisation: Normalisation,
        time_limit: int,
        delayed_reward: bool = False,
        best_share: float = 1.0,
        reward_scale: float = 1.0,
    ) -> None:
        self._dataset, self._normalisation = dataset, normalisation
        self._delayed_reward, self._reward_scale = delayed_reward, reward_scale
        firsts = np.concatenate([[0], dataset.ends[:-1]])
        self._terminal = dataset.finished & (delayed_reward | (dataset.ends - firsts < time_limit))
        chosen = best_episodes(dataset, best_share)
        self._chosen = chosen
        counts = (dataset.ends - firsts)[chosen] - ~self._terminal[chosen]
        self._chosen_firsts = firsts[chosen]
        self._chosen_ends: NDArray[np.int64] = np.cumsum(counts, dtype=np.int64)
        if not len(self):
            raise UserError("no step of the dataset has a state after it, so there are no transitions to learn from.")

    def __len__(self) -> int:
        return int(self._chosen_ends[-1])

    def batch(self, seed: int, step: int, size: int) -> TransitionBatch:
        """The ``size`` transitions of training step ``step``; they depend on (seed, step) alone."""
        return self.at(np.random.default_rng([seed, step]).integers(len(self), size=size))

    def at(self, places: NDArray[np.int64]) -> TransitionBatch:
        """The transitions at ``places``, (B,), in the order of the chosen episodes."""
        number = np.searchsorted(self._chosen_ends, places, side="right")
        before = np.where(number > 0, self._chosen_ends[number - 1], 0)
        steps, episodes = self._chosen_firsts[number] + places - before, self._chosen[number]
        last = steps + 1 == self._dataset.ends[episodes]
        following = np.minimum(steps + 1, len(self._dataset) - 1)
        return TransitionBatch(
            states=_tensor(self._states(steps)),
            actions=_tensor(self._dataset.actions[steps]),
            rewards=_tensor(self._rewards(steps, following, last, episodes)[:, None]),
            next_states=_tensor(np.where(last[:, None], 0.0, self._states(following))),
            next_actions=_tensor(np.where(last[:, None], 0.0, self._dataset.actions[following])),
            terminals=_tensor(last[:, None]),  # a last step is drawn where it is terminal alone
        )

    def _states(self, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        return self._normalisation.states(self._dataset.observations[steps])

    def _rewards(
        self,
        steps: NDArray[np.int64],
        following: NDArray[np.int64],
        last: NDArray[np.bool_],
        episodes: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """``R̂_k − R̂_{k+1}``, or the whole return at the end."""
        if self._delayed_reward:
            return self._reward_scale * np.where(last, self._dataset.returns[episodes], 0.0)
        left = np.where(last, 0.0, self._dataset.returns_to_go[following])
        return self._reward_scale * (self._dataset.returns_to_go[steps] - left)


def _tensor(values: NDArray[np.float64] | NDArray[np.float32] | NDArray[np.bool_]) -> Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32))
