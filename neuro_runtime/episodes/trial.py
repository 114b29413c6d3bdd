"""An environment tried before anything is built on it: hours of training, or the folder of a run."""

from __future__ import annotations

import logging

import gymnasium
import numpy as np
from numpy.typing import NDArray

from neuro_runtime.action_bounds import ActionBounds
from neuro_runtime.environments import EnvironmentSpec, make_environment
from neuro_runtime.environments.closing import closing
from neuro_runtime.episodes.closed_loop import EpisodeUnderWay

SEED = 0

_log = logging.getLogger(__name__)


def try_environment(
    spec: EnvironmentSpec,
    render_mode: str | None = None,
    delayed_reward: bool = False,
    action_bounds: ActionBounds | None = None,
) -> None:
    """Make the environment, reset it, step it once, and reset it again with the same seed.

    A warning tells of an observation beyond the bounds that its space declares, and of a seed that changes nothing.

    Raises
    ------
    UserError
        It cannot be made, its reset or step fails, or it shows or pays what is not finite or of another shape.
    """
    environment = make_environment(spec.name, render_mode, delayed_reward, action_bounds)
    with closing(environment):
        episode = EpisodeUnderWay(environment, SEED)
        first = episode.observation
        episode.step(np.zeros(spec.action_size))
        again = EpisodeUnderWay(environment, SEED).observation
        for observation in (first, episode.observation):
            _warn_of_bounds(observation, environment.observation_space, spec.name)
    if not np.array_equal(first, again):
        _log.warning(
            "%s does not begin alike when it is reset twice with one seed: its episodes cannot be repeated, nor "
            "compared one by one with another policy's",
            spec.name,
        )


def _warn_of_bounds(observation: NDArray[np.float64], space: gymnasium.Space[object], name: str) -> None:
    if not isinstance(space, gymnasium.spaces.Box):
        return
    beyond = np.flatnonzero((observation < space.low) | (observation > space.high))
    if len(beyond):
        entry = int(beyond[0])
        _log.warning(
            "%s shows %g in entry %d of an observation, which its space bounds to %g … %g",
            name,
            observation[entry],
            entry,
            space.low[entry],
            space.high[entry],
        )
