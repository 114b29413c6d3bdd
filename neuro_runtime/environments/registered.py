"""Any environment that Gymnasium knows by its id, without a file: its sizes, bounds and time limit are asked of it."""

from __future__ import annotations

import logging
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from dsf_common.errors import RAISED_BY_OTHERS, UserError, first_line, with_place
from neuro_runtime.action_bounds import ActionBounds
from neuro_runtime.environments.closing import closing
from neuro_runtime.environments.flat_observation import with_flat_observation
from neuro_runtime.environments.make import bounds_of_space, make_plain, register_robotics
from neuro_runtime.environments.spec import EnvironmentSpec

VERSIONED = re.compile(r"-v\d+$")
DEFAULT_TIME_LIMIT = 1_000  # of an id that is registered without one

_log = logging.getLogger(__name__)


def registered_names() -> list[str]:
    """The ids that Gymnasium knows, gymnasium-robotics' too where that is installed."""
    register_robotics()
    return sorted(gymnasium.registry)


def is_registered(name: str) -> bool:
    """Whether ``name`` is an id that Gymnasium knows, or ``module:Id-v0``, whose module registers it."""
    if ":" in name:
        return True
    if not VERSIONED.search(name):
        return False
    register_robotics()
    return name in gymnasium.registry


def name_of(environment: gymnasium.Env[Any, Any]) -> str:
    """The id by which Gymnasium makes another environment like this one.

    Raises
    ------
    UserError
        It was not made by `gymnasium.make`, or with arguments that its id does not tell.
    """
    spec = environment.spec
    if spec is None:
        raise UserError(
            f"{type(environment.unwrapped).__name__} was not made by gymnasium.make, so no other can be made like it; "
            "register it (gymnasium.register) and make it by its id"
        )
    own = {key: value for key, value in spec.kwargs.items() if key != "render_mode"}
    if own != {key: value for key, value in gymnasium.spec(spec.id).kwargs.items() if key != "render_mode"}:
        raise UserError(f"{spec.id} was made with arguments of its own, {own}; register an id for it with these")
    return spec.id


@cache
def registered_spec(name: str) -> EnvironmentSpec:
    """The environment of a registered id, with scores that are its returns.

    Return targets stand for none: training takes the data's. The working folder is on the path for ``module:Id-v0``.

    Raises
    ------
    UserError
        It cannot be made here, its observations are no vectors of numbers, or its actions neither such a vector within
        bounds nor a choice.
    """
    if ":" in name and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # a tool that is installed does not have it
    try:
        environment = make_plain(name)
        shown, taken = environment.observation_space, environment.action_space
    except RAISED_BY_OTHERS as problem:
        plain = isinstance(problem, gymnasium.error.Error | ImportError)
        why = first_line(problem) if plain else with_place(problem)
        raise UserError(f"the environment {name} cannot be made here: {why}") from problem
    with closing(environment):
        observations = with_flat_observation(environment, name).observation_space
        action_bounds = _bounds_of(taken, name)
        if len(observations.shape or ()) != 1 or 0 in (observations.shape or ()):
            raise UserError(f"{name} shows observations from {observations}; a policy takes a vector of numbers")
        limit = environment.spec.max_episode_steps if environment.spec else None
        if limit is None:
            _log.warning("%s has no time limit: its episodes end after %d steps here", name, DEFAULT_TIME_LIMIT)
        return EnvironmentSpec(
            name=name,
            gymnasium_id=name,
            time_limit=limit or DEFAULT_TIME_LIMIT,
            observation_size=int(np.prod(observations.shape or ())),
            action_size=len(action_bounds.low),
            reference_min=0.0,
            reference_max=100.0,
            return_targets=(),
            return_scale=1.0,
            action_low=action_bounds.low,
            action_high=action_bounds.high,
            first_choice=action_bounds.first_choice,
            first_observation=int(shown.start) if isinstance(shown, gymnasium.spaces.Discrete) else None,
        )


def _bounds_of(space: gymnasium.Space[Any], name: str) -> ActionBounds:
    bounds = bounds_of_space(space)
    if bounds is None or (bounds.first_choice is None and (len(space.shape or ()) != 1 or 0 in (space.shape or ()))):
        raise UserError(
            f"{name} takes actions from {space}; a policy's are a vector of real numbers within bounds, or one choice"
        )
    return bounds
