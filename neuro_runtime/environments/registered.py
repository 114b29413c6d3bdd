"""Any environment that Gymnasium knows by its id, without a file: its sizes, bounds and time limit are asked of it."""

from __future__ import annotations

import contextlib
import re
import sys
from functools import cache
from pathlib import Path

import gymnasium
import numpy as np

from dsf_common.errors import UserError, first_line
from neuro_runtime.environments.flat_observation import with_flat_observation
from neuro_runtime.environments.make import make_plain, register_robotics
from neuro_runtime.environments.spec import EnvironmentSpec

VERSIONED = re.compile(r"-v\d+$")
DEFAULT_TIME_LIMIT = 1_000  # of an id that is registered without one


def is_registered(name: str) -> bool:
    """Whether ``name`` is an id that Gymnasium knows, or ``module:Id-v0``, whose module registers it."""
    if ":" in name:
        return True
    if not VERSIONED.search(name):
        return False
    register_robotics()
    return name in gymnasium.registry


@cache
def registered_spec(name: str) -> EnvironmentSpec:
    """The environment of a registered id, with scores that are its returns.

    Return targets stand for none: training takes the data's. The working folder is on the path for ``module:Id-v0``.

    Raises
    ------
    UserError
        It cannot be made here, or its observations or actions are no vectors of numbers within bounds.
    """
    if ":" in name and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # a tool that is installed does not have it
    try:
        environment = make_plain(name)
    except (gymnasium.error.Error, ImportError, TypeError) as problem:
        raise UserError(f"the environment {name} cannot be made here: {first_line(problem)}") from problem
    with contextlib.closing(environment):
        observations, actions = with_flat_observation(environment, name).observation_space, environment.action_space
        if not isinstance(actions, gymnasium.spaces.Box) or not actions.is_bounded("both") or len(actions.shape) != 1:
            raise UserError(f"{name} takes actions from {actions}; a policy's are a vector of numbers within bounds")
        if len(observations.shape or ()) != 1:
            raise UserError(f"{name} shows observations from {observations}; a policy takes a vector")
        limit = environment.spec.max_episode_steps if environment.spec else None
        return EnvironmentSpec(
            name=name,
            gymnasium_id=name,
            time_limit=limit or DEFAULT_TIME_LIMIT,
            observation_size=int(np.prod(observations.shape or ())),
            action_size=int(actions.shape[0]),
            reference_min=0.0,
            reference_max=100.0,
            return_targets=(),
            return_scale=1.0,
            action_low=tuple(map(float, actions.low)),
            action_high=tuple(map(float, actions.high)),
        )
