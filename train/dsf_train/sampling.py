"""From a dataset to batches of token windows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsf_common.errors import UserError
from dsf_models.checkpoint import Normalisation
from dsf_train.datasets import Columns
from dsf_train.datasets.best import best_episodes
from dsf_train.datasets.state_columns import is_constant

STD_FLOOR = 1e-6  # added to a deviation, as the paper's code does, …
RELATIVE_FLOOR = 1e-3  # … but no more than this share of it, whatever the column's unit


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

    def pinned(self) -> Batch:
        """The batch in memory that a GPU reads while the processor goes on."""
        return Batch(**{name: tensor.pin_memory() for name, tensor in vars(self).items()})


def normalisation_of(dataset: Columns, return_scale: float, input_clip: float = math.inf) -> Normalisation:
    """The dataset's state mean and standard deviation (+ 1e-6, as the paper's code).

    The deviation of a column that does not vary is taken to be the column's own size, so that a sensor's rounding or
    a little noise stays little.
    """
    mean, std = dataset.state_moments
    size = np.where(mean == 0, 1.0, np.abs(mean))
    floored = np.where(is_constant(dataset.state_moments), size, std + np.minimum(STD_FLOOR, RELATIVE_FLOOR * std))
    return Normalisation(mean.astype(np.float32), floored.astype(np.float32), return_scale, input_clip)


class TokenWindows:
    """Windows of a dataset, each ending at one environment step; every step that one may end at is equally likely.

    The batch of training step n depends on (seed, n) alone, so a resumed run sees what an unbroken one would. A
    batch reads its own windows of the dataset, which lies on disk.

    Parameters
    ----------
    context
        K, tokens of a window.
    delayed_reward
        All reward at the end of its episode: until there, the return-to-go stays the whole return.
    best_share
        Share of the steps that windows may end at, those of the episodes of highest return.
    whole_episodes
        Windows end at the last steps of these episodes alone. Where only an episode's begin says how to end it, most
        other windows teach nothing of that: among N + 1 steps after a cue there is one turn.

    Raises
    ------
    UserError
        ``whole_episodes`` is asked for, and one of these episodes is longer than a window.
    """

    def __init__(
        self,
        dataset: Columns,
        normalisation: Normalisation,
        context: int,
        delayed_reward: bool = False,
        best_share: float = 1.0,
        whole_episodes: bool = False,
    ) -> None:
        self._dataset, self._normalisation = dataset, normalisation
        self._delayed_reward = delayed_reward
        self._firsts = np.concatenate([[0], dataset.ends[:-1]])
        self._offsets = np.arange(1 - context, 1)
        self._chosen = best_episodes(dataset, best_share)
        steps = (dataset.ends - self._firsts)[self._chosen]
        if whole_episodes:
            _require_that_they_fit(int(steps.max()), context)
            steps = np.ones_like(steps)  # the last ones
        self._chosen_ends: NDArray[np.int64] = np.cumsum(steps, dtype=np.int64)  # as if nothing lay between them

    def __len__(self) -> int:
        return int(self._chosen_ends[-1])

    def ahead(
        self,
        seed: int,
        steps: range,
        size: int,
        part: slice = slice(None),
        raised_returns: float = 0.0,
        pinned: bool = False,
    ) -> Iterator[tuple[int, Batch]]:
        """Each training step with its batch; the next one is read meanwhile, so that no step waits for the disk."""

        def read(step: int) -> Batch:
            batch = self.batch(seed, step, size, part, raised_returns)
            return batch.pinned() if pinned else batch

        with ThreadPoolExecutor(max_workers=1) as reader:
            coming = reader.submit(read, steps.start)
            for step in steps:
                batch = coming.result()
                coming = reader.submit(read, step + 1)
                yield step, batch

    def batch(self, seed: int, step: int, size: int, part: slice = slice(None), raised_returns: float = 0.0) -> Batch:
        """The ``size`` windows of training step ``step``, or that ``part`` of them.

        Parameters
        ----------
        raised_returns
            σ of the absolute value of a normal number that is added to all returns-to-go of a window, one number a
            window, scaled as they are. The differences between its tokens, which are rewards, stay.
        """
        random = np.random.default_rng([seed, step])
        batch = self.windows(self._steps(random.integers(len(self), size=size)[part]))
        if not raised_returns:
            return batch
        raised = np.abs(random.normal(scale=raised_returns, size=(size, 1, 1))).astype(np.float32)[part]
        returns = (batch.returns_to_go + torch.from_numpy(raised)).masked_fill(~batch.mask[..., None], 0.0)
        return replace(batch, returns_to_go=returns)

    def _steps(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The dataset's steps at ``places`` among those that windows may end at, shape (B,)."""
        chosen = np.searchsorted(self._chosen_ends, places, side="right")
        steps: NDArray[np.int64] = self._dataset.ends[self._chosen[chosen]] - (self._chosen_ends[chosen] - places)
        return steps

    def windows(self, last: NDArray[np.int64]) -> Batch:
        """Windows whose last tokens are the dataset's steps ``last``, shape (B,)."""
        first = self._firsts[np.searchsorted(self._dataset.ends, last, side="right")][:, None]
        places = last[:, None] + self._offsets
        real = places >= first
        states = self._dataset.observations[np.maximum(places, first)]
        states = self._normalisation.states(states)
        returns = self._dataset.returns_to_go[first if self._delayed_reward else np.maximum(places, first)]
        return Batch(
            states=_where(real, states),
            previous_actions=_where(places > first, self._dataset.actions[np.maximum(places - 1, first)]),
            returns_to_go=_where(real, (returns / self._normalisation.return_scale)[..., None]),
            actions=_where(real, self._dataset.actions[np.maximum(places, first)]),
            mask=torch.from_numpy(real),
            steps=torch.from_numpy(np.maximum(places - first, 0)),
        )


def _require_that_they_fit(longest: int, context: int) -> None:
    if longest > context:
        raise UserError(
            f"whole_episodes=true needs windows as long as an episode: the longest has {longest} steps, and "
            f"model.context={context} is shorter; set model.context={longest}, or whole_episodes=false."
        )


def _where(real: NDArray[np.bool_], values: NDArray[Any]) -> Tensor:
    """``values`` (B, K, width) of real tokens, in float32; padding is zero."""
    return torch.from_numpy(np.where(real[..., None], values, 0).astype(np.float32, copy=False))
