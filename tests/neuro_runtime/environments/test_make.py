"""Environments as policies meet them: D4RL's rewards, endings and time limits, actions in [−1, 1]."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
import yaml

from dsf_common.errors import UserError
from neuro_runtime.environments import environment_names, load_environment_spec, make_environment, normalised_score


def random_score(name: str, episodes: int) -> float:
    spec, env = load_environment_spec(name), make_environment(name)
    rng, scores = np.random.default_rng(0), []
    for seed in range(episodes):
        env.reset(seed=seed)
        total, over = 0.0, False
        while not over:
            action = rng.uniform(-1, 1, spec.action_size).astype(np.float32)
            _, reward, terminated, truncated, _ = env.step(action)
            total, over = total + float(reward), terminated or truncated
        scores.append(normalised_score(spec, total))
    env.close()
    return float(np.mean(scores))


@pytest.mark.parametrize(("name", "episodes"), [("pen-e", 60), ("door-e", 3), ("hammer-e", 3), ("relocate-e", 3)])
def test_a_random_policy_scores_0_in_adroit(name: str, episodes: int) -> None:
    assert abs(random_score(name, episodes)) < 3


@pytest.mark.parametrize("name", environment_names())
def test_sizes_time_limit_and_actions(name: str) -> None:
    spec, env = load_environment_spec(name), make_environment(name)
    observation, _ = env.reset(seed=0)
    assert observation.shape == env.observation_space.shape == (spec.observation_size,)
    assert isinstance(env.action_space, gymnasium.spaces.Box)
    assert env.action_space.shape == (spec.action_size,)
    assert (env.action_space.low == -1).all()
    assert (env.action_space.high == 1).all()
    assert env.spec is not None
    assert env.spec.max_episode_steps == spec.time_limit
    env.close()


def test_pendulum_lasts_200_steps_and_hides_its_velocity() -> None:
    seen, hidden = make_environment("pendulum"), make_environment("pendulum-hidden")
    assert np.array_equal(seen.reset(seed=3)[0][:2], hidden.reset(seed=3)[0])
    steps, over = 0, False
    while not over:
        action = np.array([0.5], dtype=np.float32)
        full, *_, terminated, truncated, _ = seen.step(action)
        assert np.array_equal(full[:2], hidden.step(action)[0])
        steps, over = steps + 1, terminated or truncated
    assert steps == 200


@pytest.mark.parametrize("task", ["hopper", "walker2d"])
def test_hidden_walkers_show_their_positions_alone(task: str) -> None:
    """MuJoCo's own positions, without the first, which is how far the walker has come."""
    seen, hidden = make_environment(f"{task}-m-e"), make_environment(f"{task}-hidden")
    whole, shown = seen.reset(seed=3)[0], hidden.reset(seed=3)[0]
    simulator: Any = hidden.unwrapped
    for _ in range(5):
        assert np.array_equal(shown, whole[: len(shown)])
        assert np.array_equal(shown, simulator.data.qpos[1:])
        action = np.full(seen.action_space.shape or (), 0.3, dtype=np.float32)
        whole, shown = seen.step(action)[0], hidden.step(action)[0]
    seen.close()
    hidden.close()


def test_full_action_is_full_torque() -> None:
    env = make_environment("pendulum")
    simulator: Any = env.unwrapped
    env.reset(seed=0)
    env.step(np.array([1.0], dtype=np.float32))
    assert simulator.last_u == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("name", "goal"),
    [("antmaze-umaze", (0, 8)), ("antmaze-medium-play", (20, 20)), ("antmaze-large-diverse", (32, 24))],
)
def test_antmaze_starts_and_ends_where_d4rls_does(name: str, goal: tuple[float, float]) -> None:
    env = make_environment(name)
    simulator: Any = env.unwrapped
    places, _ = env.reset(seed=0)
    assert np.abs(places[:2]).max() <= 1
    assert np.abs(simulator.goal - simulator.maze.unique_reset_locations[0] - goal).max() <= 1
    env.close()


def test_antmaze_episode_ends_at_the_goal_with_reward_1() -> None:
    env = make_environment("antmaze-umaze")
    simulator: Any = env.unwrapped
    env.reset(seed=0)
    still = np.zeros(8, dtype=np.float32)
    assert env.step(still)[1:3] == (0.0, False)
    simulator.ant_env.data.qpos[:2] = simulator.goal
    assert env.step(still)[1:3] == (1.0, True)
    env.close()


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DSF_ENVIRONMENTS", str(tmp_path))
    return tmp_path


def pendulum_file(own: Path, name: str, **changes: Any) -> str:
    spec = load_environment_spec("pendulum")
    keys = ("gymnasium_id", "time_limit", "observation_size", "action_size", "reference_min", "reference_max")
    content = {key: getattr(spec, key) for key in keys} | {"return_targets": [-150], "return_scale": 100}
    (own / f"{name}.yaml").write_text(yaml.safe_dump(content | changes))
    return name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"gymnasium_id": "Swing-v9"},
            r"mine needs Swing-v9, which cannot be made here \(.* doesn't exist\.\)$",
        ),
        ({"observation_size": 4}, r"observations of shape \(3,\), the specification of mine says \(4,\)"),
        ({"action_size": 2}, r"actions of shape \(1,\), the specification of mine says \(2,\)"),
        ({"gymnasium_id": "CartPole-v1"}, r"observations of shape \(4,\), the specification of mine says \(3,\)"),
        (
            {"gymnasium_id": "CartPole-v1", "observation_size": 4},
            r"actions of shape \(2,\), the specification of mine says \(1,\)",
        ),
    ],
)
def test_environment_that_is_not_as_specified(own: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make_environment(pendulum_file(own, "mine", **changes))


def test_options_reach_the_environment(own: Path) -> None:
    simulator: Any = make_environment(pendulum_file(own, "moon", options={"g": 1.62})).unwrapped
    assert simulator.g == 1.62


def test_legacy_environment_without_the_compatibility_layer(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gym", None)
    with pytest.raises(UserError, match=r"mine exists in legacy gym only .*decision-spikeformer\[gym\]"):
        make_environment(pendulum_file(own, "mine", legacy_gym=True))


class LegacyError(Exception):
    """The error of legacy gym for a name it does not know."""


@pytest.fixture
def compatibility_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands for `gym` and `shimmy`: the layer is registered, and hands the environment its own keywords."""

    def open_legacy(**options: Any) -> gymnasium.Env[Any, Any]:
        env_id, make_kwargs = options["env_id"], options["make_kwargs"]
        if env_id != "Old-v0":
            raise LegacyError(f"there is no {env_id}\nat all")
        assert make_kwargs.pop("disable_env_checker")
        return gymnasium.make("Pendulum-v1", **make_kwargs)

    gym = ModuleType("gym")
    monkeypatch.setattr(gym, "error", SimpleNamespace(Error=LegacyError), raising=False)
    monkeypatch.setitem(sys.modules, "gym", gym)
    monkeypatch.setitem(sys.modules, "shimmy", ModuleType("shimmy"))
    registry = {**gymnasium.registry, "GymV26Environment-v0": None}
    monkeypatch.setattr(gymnasium.envs.registration, "registry", registry)
    registry["GymV26Environment-v0"] = gymnasium.envs.registration.EnvSpec(
        "GymV26Environment-v0", entry_point=open_legacy
    )


@pytest.mark.usefixtures("compatibility_layer")
def test_legacy_environment_through_the_compatibility_layer(own: Path) -> None:
    name = pendulum_file(own, "old", gymnasium_id="Old-v0", legacy_gym=True, time_limit=7, options={"g": 1.62})
    env = make_environment(name)
    simulator: Any = env.unwrapped
    env.reset(seed=0)
    truncations = [env.step(np.ones(1, dtype=np.float32))[3] for _ in range(7)]
    assert truncations == [False] * 6 + [True]
    assert (simulator.g, simulator.last_u) == (1.62, pytest.approx(2.0))


@pytest.mark.usefixtures("compatibility_layer")
def test_legacy_environment_that_gym_does_not_know(own: Path) -> None:
    with pytest.raises(UserError, match=r"legacy gym cannot make Older-v0 for old: there is no Older-v0$"):
        make_environment(pendulum_file(own, "old", gymnasium_id="Older-v0", legacy_gym=True))


def test_an_environment_is_a_name_or_made() -> None:
    with pytest.raises(UserError, match=r"a name, or one that gymnasium\.make gave, not 3"):
        make_environment(3)  # type: ignore[arg-type]


def test_warnings_of_mujoco_are_logged_and_leave_no_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The half-cheetah's model has an attribute that MuJoCo warns of."""
    mujoco = pytest.importorskip("mujoco")
    make_environment("halfcheetah-m").close()
    assert not list(tmp_path.iterdir())
    mujoco.get_mju_user_warning()("Nan in QACC at DOF 3")
    assert "MuJoCo: Nan in QACC at DOF 3" in caplog.text


def test_a_handler_of_mujocos_warnings_of_the_users_own_stays() -> None:
    mujoco = pytest.importorskip("mujoco")
    before, heard = mujoco.get_mju_user_warning(), list[str]()
    mujoco.set_mju_user_warning(heard.append)
    try:
        make_environment("halfcheetah-m").close()
    finally:
        mujoco.set_mju_user_warning(before)
    assert any("settotalmass" in warning for warning in heard)
