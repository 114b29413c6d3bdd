"""An environment by name, ready for a policy."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import gymnasium
import numpy as np
from gymnasium.wrappers import RescaleAction

from hw_profiles.errors import UserError
from neuro_runtime.environments.adroit import like_d4rl
from neuro_runtime.environments.antmaze import PlaceFirst
from neuro_runtime.environments.pendulum import HideVelocity
from neuro_runtime.environments.spec import EnvironmentSpec, load_environment_spec

HIDDEN = "-hidden"

Environment = gymnasium.Env[Any, Any]


def make_environment(name: str, render_mode: str | None = None) -> Environment:
    """The environment ``name`` with D4RL's reward, termination and time limit, and actions in [−1, 1].

    Parameters
    ----------
    render_mode
        Gymnasium's, such as ``rgb_array``.

    Raises
    ------
    UserError
        The name is unknown, or a package that the environment needs is not installed.
    """
    spec = load_environment_spec(name)
    env = _legacy(spec) if spec.legacy_gym else _modern(spec, render_mode)
    if spec.name.endswith(HIDDEN):
        env = HideVelocity(env)
    if isinstance(env.observation_space, gymnasium.spaces.Dict):
        env = PlaceFirst(env, env.observation_space)
    return _unit_actions(env)


def _modern(spec: EnvironmentSpec, render_mode: str | None) -> Environment:
    _register_robotics()
    try:
        env = _make(spec.gymnasium_id, max_episode_steps=spec.time_limit, render_mode=render_mode)
        return like_d4rl(env, lambda: _make(spec.gymnasium_id))
    except (gymnasium.error.Error, ImportError) as problem:
        raise UserError(
            f"{spec.name} needs {spec.gymnasium_id}, which is not installed here; "
            "run `pip install 'decision-spikeformer[envs]'`"
        ) from problem


def _legacy(spec: EnvironmentSpec) -> Environment:
    """An environment that exists in legacy ``gym`` alone, through Gymnasium's compatibility layer."""
    try:
        import shimmy  # noqa: F401  (registers the compatibility layer)

        return _make("GymV26Environment-v0", env_id=spec.gymnasium_id, max_episode_steps=spec.time_limit)
    except (gymnasium.error.Error, ImportError) as problem:
        raise UserError(
            f"{spec.name} exists in legacy gym only and needs its compatibility layer; "
            "run `pip install 'decision-spikeformer[gym]'`"
        ) from problem


def _make(gymnasium_id: str, **options: Any) -> Environment:
    """`gymnasium.make`, quiet: which release of an environment is right was settled by D4RL."""
    with _quiet():
        return gymnasium.make(gymnasium_id, disable_env_checker=True, **options)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without Gymnasium's advice on releases."""
    level = gymnasium.logger.min_level
    gymnasium.logger.min_level = logging.ERROR
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        gymnasium.logger.min_level = level


@cache
def _register_robotics() -> None:
    """Adroit and AntMaze, where gymnasium-robotics is installed."""
    try:
        with _quiet():
            import gymnasium_robotics

            gymnasium.register_envs(gymnasium_robotics)
    except ImportError:
        return


def _unit_actions(env: Environment) -> Environment:
    space = env.action_space
    if isinstance(space, gymnasium.spaces.Box) and (np.any(space.low != -1) or np.any(space.high != 1)):
        return RescaleAction(env, np.float32(-1), np.float32(1))
    return env
