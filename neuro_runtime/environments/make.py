"""An environment by name, ready for a policy."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import load_env_creator
from numpy.typing import NDArray

from dsf_common.errors import RAISED_BY_OTHERS, UserError, first_line, with_place
from dsf_common.memory import require_memory
from neuro_runtime.action_bounds import ActionBounds
from neuro_runtime.environments.adroit import like_d4rl
from neuro_runtime.environments.antmaze import D4rlAntMaze, is_d4rl_ant_maze
from neuro_runtime.environments.closing import closing
from neuro_runtime.environments.delayed import DelayedReward
from neuro_runtime.environments.flat_observation import with_flat_observation
from neuro_runtime.environments.mujoco_warnings import log_mujoco_warnings
from neuro_runtime.environments.partial import PartlyObserved
from neuro_runtime.environments.spec import EnvironmentSpec, load_environment_spec

Environment = gymnasium.Env[Any, Any]
LEAST_BYTES = 2**12  # that an environment takes: the Pendulum with its wrappers and its random generator takes 5,600


def make_environment(
    environment: str | Environment,
    render_mode: str | None = None,
    delayed_reward: bool = False,
    action_bounds: ActionBounds | None = None,
) -> Environment:
    """The environment of a name, or one that is made, with its observation as a vector and actions in [−1, 1].

    An environment that D4RL recorded has D4RL's reward, termination and time limit; any other is what
    `gymnasium.make` gives.

    Parameters
    ----------
    environment
        A name that `dsf-data list` shows, an id that is registered with Gymnasium, or an environment.
    render_mode
        Gymnasium's, such as ``rgb_array``; of an environment that is made already it stays.
    delayed_reward
        Pay the whole return with an episode's last step.
    action_bounds
        What −1 … 1 stands for, in the environment's own unit, clipped to its range; by default the whole range.

    Raises
    ------
    UserError
        The name is unknown, a package that the environment needs is not installed, or the environment is not what
        its specification says.
    """
    if not isinstance(environment, (str, gymnasium.Env)):
        raise UserError(f"an environment is a name, or one that gymnasium.make gave, not {environment!r}")
    if not isinstance(environment, str):
        title = type(environment.unwrapped).__name__
        env = _unit_actions(with_flat_observation(environment, title), title, None, action_bounds)
        return DelayedReward(env) if delayed_reward else env
    spec = load_environment_spec(environment)
    env = _legacy(spec, render_mode) if spec.legacy_gym else _modern(spec, render_mode)
    env = _vector_observations(env, spec)
    if spec.observed and isinstance(env.observation_space, gymnasium.spaces.Box):
        env = PartlyObserved(env, env.observation_space, spec.observed)
    env = _unit_actions(env, spec.name, spec.action_bounds, action_bounds)
    _check_sizes(env, spec)
    return DelayedReward(env) if delayed_reward else env


def require_memory_for(environments: int) -> None:
    """Refuse so many environments at once that their Python objects alone take more memory than the machine has.

    Raises
    ------
    UserError
        They do.
    """
    require_memory(environments * LEAST_BYTES, f"running {environments:,} environments side by side")


def own_action_bounds(spec: EnvironmentSpec) -> ActionBounds | None:
    """The bounds of the environment's own actions; None where it cannot be made here, or has none.

    Those that a specification names, and D4RL's −1 … 1, are known without making it.
    """
    if spec.action_bounds:
        return spec.action_bounds
    if spec.is_d4rl:
        return ActionBounds.unit(spec.action_size)
    try:
        env = _legacy(spec, None) if spec.legacy_gym else _modern(spec, None)
    except UserError:
        return None
    with closing(env):
        return bounds_of_space(env.action_space)


def bounds_of_space(space: gymnasium.Space[Any]) -> ActionBounds | None:
    """The bounds of a space's vectors, or its choices; None where a policy's actions are neither."""
    if isinstance(space, gymnasium.spaces.Discrete):
        return ActionBounds.choices(int(space.n), int(space.start))
    if not isinstance(space, gymnasium.spaces.Box) or not space.is_bounded("both"):
        return None
    if not np.issubdtype(space.dtype, np.floating):  # a whole number that is rounded is another action
        return None
    return ActionBounds.of(space.low.ravel(), space.high.ravel())


def _modern(spec: EnvironmentSpec, render_mode: str | None) -> Environment:
    register_robotics()
    try:
        picture = {} if render_mode is None else {"render_mode": render_mode}  # not every environment takes one
        env = make_plain(spec.gymnasium_id, max_episode_steps=spec.time_limit, **picture, **spec.options)
        return like_d4rl(env, lambda: make_plain(spec.gymnasium_id, **spec.options)) if spec.is_d4rl else env
    except UserError:
        raise
    except RAISED_BY_OTHERS as problem:
        raise _not_made(spec, render_mode, problem) from problem


def _not_made(spec: EnvironmentSpec, render_mode: str | None, problem: BaseException) -> UserError:
    if render_mode and isinstance(problem, TypeError) and "render_mode" in str(problem):
        return UserError(f"{spec.gymnasium_id} takes no render_mode, so it cannot be filmed")
    if spec.is_d4rl and isinstance(problem, gymnasium.error.UnregisteredEnv):
        problem = register_robotics() or problem
    own = isinstance(problem, gymnasium.error.Error | ImportError)
    why = first_line(problem) if own else with_place(problem)
    name = spec.name if spec.name == spec.gymnasium_id else f"{spec.name} needs {spec.gymnasium_id}, which"
    return UserError(f"{name} cannot be made here ({why}){_advice(spec, problem)}")


def _advice(spec: EnvironmentSpec, problem: BaseException) -> str:
    """The extra that a missing library of Gymnasium's or gymnasium-robotics' comes with, if that is the reason."""
    if not isinstance(problem, ImportError | gymnasium.error.DependencyNotInstalled) or ":" in spec.gymnasium_id:
        return ""
    extras = {"mujoco": "envs", "gymnasium_robotics": "envs", "pygame": "video"}
    missing = {extra for library, extra in extras.items() if library in str(problem).lower() and not find_spec(library)}
    return f"; run `pip install 'decision-spikeformer[{','.join(sorted(missing))}]'`" if missing else ""


def _legacy(spec: EnvironmentSpec, render_mode: str | None) -> Environment:
    """An environment that exists in legacy ``gym`` alone, through Gymnasium's compatibility layer."""
    try:
        with _quiet():
            import gym  # noqa: F401  # shimmy alone finds out late that it is missing
            import shimmy

            gymnasium.register_envs(shimmy)
    except ImportError as problem:
        raise UserError(
            f"{spec.name} exists in legacy gym only and needs Gymnasium's compatibility layer for it; "
            "run `pip install 'decision-spikeformer[gym]'`"
        ) from problem
    options = {"render_mode": render_mode, "max_episode_steps": spec.time_limit, "disable_env_checker": True}
    try:
        return make_plain("GymV26Environment-v0", env_id=spec.gymnasium_id, make_kwargs={**spec.options, **options})
    except RAISED_BY_OTHERS as problem:
        raise UserError(
            f"legacy gym cannot make {spec.gymnasium_id} for {spec.name}: {first_line(problem)}"
        ) from problem


def make_plain(gymnasium_id: str, **options: Any) -> Environment:
    """`gymnasium.make`, quiet: which release of an environment is right was settled by D4RL."""
    with _quiet():
        registered = gymnasium.registry.get(gymnasium_id)
        if registered is not None and isinstance(registered.entry_point, str):
            load_env_creator(registered.entry_point)  # imports MuJoCo, where it needs it, before it warns
        log_mujoco_warnings()
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
def register_robotics() -> Exception | None:
    """Adroit and AntMaze, where gymnasium-robotics is installed; where it cannot be imported, the reason."""
    try:
        with _quiet():
            import gymnasium_robotics

            gymnasium.register_envs(gymnasium_robotics)
    except Exception as problem:  # MuJoCo's libraries of drawing raise anything where they find no display
        return problem
    return None


def _vector_observations(env: Environment, spec: EnvironmentSpec) -> Environment:
    space = env.observation_space
    if is_d4rl_ant_maze(spec) and isinstance(space, gymnasium.spaces.Dict):
        return D4rlAntMaze(env, space)
    return with_flat_observation(env, spec.name)


def _unit_actions(
    env: Environment, title: str, stated: ActionBounds | None, bounds: ActionBounds | None
) -> Environment:
    space = env.action_space
    own = bounds_of_space(space)
    if own is None:
        raise UserError(f"{title} takes actions from {space}; a policy's are real numbers within bounds, or one choice")
    if not isinstance(space, gymnasium.spaces.Box):
        return Choosing(env, own)
    if stated and not stated.are_close_to(own):
        raise UserError(f"{title} takes actions of {own}, its specification says {stated}")
    if bounds and len(bounds.low) == len(own.low) and not bounds.are_close_to(own):
        return WithinBounds(env, space, bounds)
    return env if own.are_unit else WithinBounds(env, space, own)


class Choosing(gymnasium.ActionWrapper[Any, Any, Any]):
    """The place of the largest of ``choices``' numbers in −1 … 1 is what the environment is given."""

    def __init__(self, env: Environment, choices: ActionBounds) -> None:
        super().__init__(env)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (len(choices.low),), np.float32)
        self._choices = choices

    def action(self, action: NDArray[Any]) -> int:
        """The environment's own action for one in −1 … 1."""
        _require_shape(action, self.action_space)
        return int(self._choices.from_unit(action))


class WithinBounds(gymnasium.ActionWrapper[Any, Any, Any]):
    """−1 … 1 stands for ``bounds`` of the environment's own actions, clipped to its range.

    It takes actions in float64 and rounds once, as a loop that calls :meth:`Policy.act` and `gymnasium.make` does.
    """

    def __init__(self, env: Environment, space: gymnasium.spaces.Box, bounds: ActionBounds) -> None:
        super().__init__(env)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, space.shape, np.float64)
        self._space, self._bounds = space, bounds

    def action(self, action: NDArray[Any]) -> NDArray[Any]:
        """The environment's own action for one in −1 … 1."""
        _require_shape(action, self.action_space)
        own = self._bounds.from_unit(action)
        clipped: NDArray[Any] = np.clip(own, self._space.low, self._space.high)
        return clipped.astype(self._space.dtype)


def _require_shape(action: NDArray[Any], space: gymnasium.Space[Any]) -> None:
    if np.shape(action) != space.shape:
        raise UserError(f"the action has shape {np.shape(action)}, the environment takes {space.shape}, in −1 … 1")


def _check_sizes(env: Environment, spec: EnvironmentSpec) -> None:
    for title, space, size in (
        ("observations", env.observation_space, spec.observation_size),
        ("actions", env.action_space, spec.action_size),
    ):
        if space.shape != (size,):
            raise UserError(
                f"{spec.gymnasium_id} has {title} of shape {space.shape}, "
                f"the specification of {spec.name} says ({size},)"
            )
