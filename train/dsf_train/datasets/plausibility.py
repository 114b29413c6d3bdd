"""Episodes that cannot be right, or are too few or too alike to learn from; each doubt says what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dsf_train.datasets.episode import Episode, UnfinishedEpisode
from dsf_train.datasets.interleaving import Interleaving
from dsf_train.datasets.jumps import Jumps
from dsf_train.datasets.missing_readings import MissingReadings
from dsf_train.datasets.reading import Notes
from neuro_runtime.environments import EnvironmentSpec

FEWEST_ENDS = 10  # by which a dataset is judged
LIKE_A_STEP = 2.0  # times a step's change: a reset changes some entry by more
FEW = 0.1  # of the steps of the task's own data
FEW_STEPS = 1_000  # where no data of the task are known
OUTSIZED = 1e4  # times the mean size of the other rewards that are not 0
BEYOND_SCALE = 100.0  # times what returns are divided by


class Check(Protocol):
    """Something that looks at each episode and then says what it doubts."""

    def look_at(self, number: int, episode: Episode) -> None:
        """Take the next episode into account."""

    def doubts(self, title: str) -> Iterator[str]:
        """A sentence for each doubt, when all episodes have been looked at."""


def plausible(episodes: Iterable[Episode], title: str, spec: EnvironmentSpec, notes: Notes) -> Iterator[Episode]:
    """``episodes``, one after another; ``notes`` gets the doubts at the end."""
    checks: list[Check] = [
        _TimeLimit(spec.time_limit),
        _Ends(),
        Jumps(),
        Interleaving(),
        MissingReadings(),
        _Amount(spec),
        _Returns(),
        _Sizes(spec),
    ]
    for number, episode in enumerate(episodes):
        for check in checks:
            check.look_at(number, episode)
        yield episode
    for check in checks:
        notes.extend(check.doubts(title))


class _TimeLimit:
    """How long episodes are."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = self._longest = self._longer = 0

    def look_at(self, number: int, episode: Episode) -> None:
        self._count += 1
        self._longest = max(self._longest, len(episode))
        self._longer += len(episode) > self._limit

    def doubts(self, title: str) -> Iterator[str]:
        if self._longer:
            yield (
                f"{self._longer} of {self._count} episodes of {title} are longer than the time limit of {self._limit} "
                f"steps, the longest {self._longest}: do end marks lack?"
            )


class _Ends:
    """How much observations change at the end of an episode, and within one."""

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None
        self._across: list[NDArray[np.float64]] = []
        self._within: list[NDArray[np.float64]] = []

    def look_at(self, number: int, episode: Episode) -> None:
        observations = episode.observations.astype(np.float64)
        if self._last is not None:
            self._across.append(np.abs(observations[0] - self._last))
        if len(observations) > 1:
            self._within.append(np.abs(np.diff(observations, axis=0)).mean(axis=0))
        self._last = episode.observations[-1]

    def doubts(self, title: str) -> Iterator[str]:
        """Whether no entry changes more from one episode to the next than it does from step to step."""
        if len(self._across) < FEWEST_ENDS or not self._within:
            return
        across, within = np.median(self._across, axis=0), np.mean(self._within, axis=0)
        if (across <= LIKE_A_STEP * within).all() and within.any():
            yield (
                f"observations go on across the end marks of {title} as within its episodes: the marks may have moved"
            )


class _Amount:
    """How much there is to learn from."""

    def __init__(self, spec: EnvironmentSpec) -> None:
        self._spec = spec
        self._episodes = self._steps = 0

    def look_at(self, number: int, episode: Episode) -> None:
        self._episodes += 1
        self._steps += len(episode)

    def doubts(self, title: str) -> Iterator[str]:
        if self._episodes == 1:
            yield (
                f"{title} holds one episode: a policy sees no start but its own, and no other return to compare with"
            )
        usual = self._spec.dataset_steps
        if self._steps < FEW * usual:
            yield (
                f"{title} holds {self._steps:,} steps, {100 * self._steps / usual:.1f} % of the {usual:,} of "
                f"{self._spec.name}'s own data: scores do not compare with those on these"
            )
        elif not usual and self._steps < FEW_STEPS:
            yield f"{title} holds {self._steps:,} steps: a network learns them by heart, and nothing between them"


class _Returns:
    """Whether returns differ, so that one can be asked for."""

    def __init__(self) -> None:
        self._returns: list[float] = []
        self._earned = False

    def look_at(self, number: int, episode: Episode) -> None:
        self._earned = self._earned or bool(episode.rewards.any())
        if not isinstance(episode, UnfinishedEpisode):
            self._returns.append(episode.total)

    def doubts(self, title: str) -> Iterator[str]:
        follows = "nothing tells a good action from a bad one, so a policy imitates all and its return target is idle"
        if not self._earned:
            yield f"every reward of {title} is 0: {follows}"
        elif len(self._returns) > 1 and min(self._returns) == max(self._returns):
            yield f"every episode of {title} returns {self._returns[0]:g}: {follows}"


class _Sizes:
    """Rewards out of proportion to one another, and returns to what the environment's are divided by."""

    def __init__(self, spec: EnvironmentSpec) -> None:
        self._spec = spec
        self._sum, self._count = 0.0, 0  # of rewards that are not 0, by size, but for the largest
        self._largest, self._place = 0.0, (0, 0)
        self._return = 0.0  # the largest, by size

    def look_at(self, number: int, episode: Episode) -> None:
        sizes = np.abs(episode.rewards.astype(np.float64))
        self._count += int(np.count_nonzero(sizes))
        step = int(np.argmax(sizes))
        largest, sizes[step] = float(sizes[step]), 0.0
        if largest > self._largest:
            largest, self._largest, self._place = self._largest, largest, (number, step)
        self._sum += float(sizes.sum()) + largest
        self._return = max(self._return, abs(episode.total))

    def doubts(self, title: str) -> Iterator[str]:
        number, step = self._place
        others = self._sum / max(1, self._count - 1)
        if self._count > 1 and self._largest > OUTSIZED * others:
            yield (
                f"a reward of {title} is {self._largest:g}, in step {step} of episode {number}, and the others are "
                f"{others:.2g} on average, by size: is it a mistake? It decides that episode's return alone"
            )
        if self._spec.has_references and self._return > BEYOND_SCALE * self._spec.return_scale:
            yield (
                f"returns of {title} reach {self._return:.3g}, {self._return / self._spec.return_scale:.3g} times "
                f"what those of {self._spec.name} are divided by, {self._spec.return_scale:g}: is the reward in "
                "another unit?"
            )
