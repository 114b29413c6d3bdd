"""Observations in parts, as one vector in the order of their space."""

from __future__ import annotations

from typing import Any

import gymnasium
from gymnasium import spaces
from gymnasium.wrappers import FlattenObservation

from dsf_common.errors import UserError

Environment = gymnasium.Env[Any, Any]
ONE_HOT = (spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


def with_flat_observation(environment: Environment, title: str) -> Environment:
    """``environment`` with its parts of observation joined, and whole numbers as one-hot vectors.

    The order is that of the space (of a ``Dict``: its keys' order there), as `gymnasium.spaces.flatten` has it. An
    observation that is a vector stays as it is.

    Parameters
    ----------
    title
        The environment's name, for complaints.

    Raises
    ------
    UserError
        A part is no vector: a picture, a text, a graph, a sequence.
    """
    space = environment.observation_space
    if isinstance(space, spaces.Box):
        return environment
    _refuse_others(space, "observation", title)
    return FlattenObservation(environment)


def _refuse_others(space: object, part: str, title: str) -> None:
    if isinstance(space, spaces.Dict | spaces.Tuple) and not space.spaces:
        raise UserError(f"{title} shows {part} without parts, so a policy would see nothing")
    if isinstance(space, spaces.Dict):
        for key, inner in space.spaces.items():
            _refuse_others(inner, f"{part}[{key!r}]", title)
    elif isinstance(space, spaces.Tuple):
        for place, inner in enumerate(space.spaces):
            _refuse_others(inner, f"{part}[{place}]", title)
    elif not (isinstance(space, spaces.Box) and len(space.shape) <= 1) and not isinstance(space, ONE_HOT):
        raise UserError(
            f"{title} shows {part} from {space}, which is no vector; wrap the environment so that it is one"
        )
