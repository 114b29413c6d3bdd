"""One recorded trajectory, an episode by itself: its columns checked, cut to its steps and joined."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_train.datasets.episode import Episode, as_float32
from dsf_train.datasets.flat_record import NAMES
from dsf_train.datasets.reading import Reading


def trajectory(
    observations: NDArray[Any] | Mapping[str, Any],
    actions: NDArray[Any],
    rewards: NDArray[Any],
    title: str,
    reading: Reading,
) -> Episode:
    """The episode of one trajectory.

    Parameters
    ----------
    observations
        One a step, or one more: the last, on which a policy never acts.

    Raises
    ------
    UserError
        The columns do not fit together, or are no numbers.
    """
    for name, column in (("actions", actions), ("rewards", rewards)):
        _require_numbers(column, name, title)
    if not isinstance(observations, Mapping):
        observations = np.asarray(observations)
        _require_numbers(observations, "observations", title)
    joined = reading.join(observations, title)
    rewards = as_float32(rewards).reshape(-1)
    if len(actions) != len(rewards) or len(joined) not in (len(rewards), len(rewards) + 1):
        raise UserError(f"{title} has {len(rewards)} rewards, {len(actions)} actions, {len(joined)} observations")
    return Episode(joined[: len(rewards)], as_float32(actions), rewards)


def _require_numbers(column: NDArray[Any], name: str, title: str) -> None:
    if not isinstance(column, np.ndarray) or column.dtype.kind not in "fiub" or not column.shape:
        raise UserError(f"{title} has {name} that are no numbers, one row a step")


class EndMarks:
    """The end marks of trajectories, each of which is an episode whatever they say; what they say is told."""

    def __init__(self) -> None:
        self._count = self._open = self._early = 0

    def look_at(self, columns: Mapping[str, Any], steps: int) -> None:
        """Take a trajectory of ``steps`` steps into account, whose columns may say where an episode ends."""
        self._count += 1
        flags = [np.asarray(columns[name]).reshape(-1) for names in NAMES.values() for name in names if name in columns]
        if not flags or any(len(one) < steps or one.dtype.kind not in "fiub" for one in flags):
            return
        ends = np.any([one[:steps] for one in flags], axis=0)
        self._open += not ends[-1:].any()
        self._early += bool(ends[:-1].any())

    def tell(self, title: str, reading: Reading) -> None:
        """Note what is doubtful."""
        if self._open:
            reading.notes.append(
                f"{self._open} of {self._count} episodes of {title} have no end mark at their last step; each is taken "
                "as a whole one"
            )
        if self._early:
            reading.notes.append(
                f"{self._early} of {self._count} episodes of {title} have an end mark before their last step: do the "
                "steps after it belong to another one?"
            )
