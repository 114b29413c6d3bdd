"""Recorded observations, many steps at once, joined as the environment joins what it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from dsf_common.errors import UserError
from neuro_runtime.environments.antmaze import D4rlAntMaze, is_d4rl_ant_maze
from neuro_runtime.environments.closing import closing
from neuro_runtime.environments.make import make_plain, register_robotics
from neuro_runtime.environments.spec import EnvironmentSpec

Join = Callable[[Any], NDArray[Any]]


def recorded_join(spec: EnvironmentSpec, recorded_options: Mapping[str, Any]) -> Join | None:
    """How the parts of ``spec``'s observations become a policy's vector; None where it shows vectors.

    Parameters
    ----------
    recorded_options
        The options that the data were recorded with: AntMaze's places are counted from the start in their maze.

    Raises
    ------
    UserError
        The environment cannot be made here.
    """
    options = {**spec.options, **{key: value for key, value in recorded_options.items() if key in spec.options}}
    environment = _plain(spec, options)
    with closing(environment):
        space = environment.observation_space
        if isinstance(space, spaces.Box):
            return None
        if is_d4rl_ant_maze(spec) and isinstance(space, spaces.Dict):
            return D4rlAntMaze(environment, space).join
        return lambda recorded: flat_rows(space, recorded)


def flat_rows(space: spaces.Space[Any], recorded: Any) -> NDArray[Any]:
    """Recorded elements of ``space`` as `gymnasium.spaces.flatten` has each, (steps, size).

    Parameters
    ----------
    recorded
        An array of one row a step; of a ``Dict`` or ``Tuple`` a mapping of its parts, a tuple's called ``_index_0``
        and so on, as Minari calls them.

    Raises
    ------
    KeyError, IndexError, ValueError, TypeError
        It is not of that space.
    """
    if isinstance(space, spaces.Dict):
        return np.concatenate([flat_rows(inner, recorded[key]) for key, inner in space.spaces.items()], axis=1)
    if isinstance(space, spaces.Tuple):
        parts = [flat_rows(inner, recorded[f"_index_{place}"]) for place, inner in enumerate(space.spaces)]
        return np.concatenate(parts, axis=1)
    rows = np.asarray(recorded)
    if isinstance(space, spaces.Discrete):
        return _one_hot(rows.reshape(len(rows)) - space.start, int(space.n))
    if isinstance(space, spaces.MultiDiscrete):
        columns = (rows - space.start).reshape(len(rows), -1)
        sizes = np.ravel(space.nvec)
        return np.concatenate([_one_hot(columns[:, place], int(size)) for place, size in enumerate(sizes)], axis=1)
    size = int(np.prod(space.shape or ()))
    if rows.size != len(rows) * size:
        raise ValueError(f"{rows.shape[1:]} is not {space.shape}")
    return rows.reshape(len(rows), size)


def _one_hot(numbers: NDArray[Any], size: int) -> NDArray[Any]:
    if ((numbers < 0) | (numbers >= size) | (numbers != np.floor(numbers))).any():
        raise ValueError(f"a number is none of {size}")
    return np.eye(size, dtype=np.float32)[numbers.astype(np.int64)]


def _plain(spec: EnvironmentSpec, options: Mapping[str, Any]) -> gymnasium.Env[Any, Any]:
    register_robotics()
    try:
        return make_plain(spec.gymnasium_id, **options)
    except (gymnasium.error.Error, ImportError) as problem:
        raise UserError(
            f"the observations are in parts, and {spec.gymnasium_id}, which says how they go together, cannot be made "
            "here; run `pip install 'decision-spikeformer[envs]'`, or name the parts by observation_keys="
        ) from problem
