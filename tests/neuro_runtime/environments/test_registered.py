"""Environments by the ids that Gymnasium knows, without a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from dsf_common.errors import UserError
from neuro_runtime.action_bounds import ActionBounds
from neuro_runtime.environments import load_environment_spec, make_environment, normalised_score
from neuro_runtime.environments.registered import name_of

POINT = '''
import gymnasium
import numpy as np


class Point(gymnasium.Env):
    """Takes no render_mode."""

    observation_space = gymnasium.spaces.Box(-9, 9, (2,))
    action_space = gymnasium.spaces.Box(-3, 5, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action):
        return np.ones(2, np.float32), float(action[0]), False, False, {}


gymnasium.register("Point-v0", entry_point=Point, max_episode_steps=12)
'''


@pytest.mark.parametrize("gymnasium_id", ["MountainCarContinuous-v0", "Pendulum-v1"])
def test_an_episode_earns_what_plain_gymnasium_pays(gymnasium_id: str) -> None:
    spec = load_environment_spec(gymnasium_id)
    ours, plain = make_environment(gymnasium_id), gymnasium.make(gymnasium_id)
    assert isinstance(plain.action_space, gymnasium.spaces.Box)
    assert spec.action_bounds == ActionBounds.of(plain.action_space.low, plain.action_space.high)
    returns = []
    for environment, scale in ((ours, 1.0), (plain, float(plain.action_space.high[0]))):
        rng, total, over = np.random.default_rng(0), 0.0, False
        environment.reset(seed=3)
        while not over:
            action = rng.uniform(-1, 1, 1).astype(np.float32) * np.float32(scale)
            _, reward, terminated, truncated, _ = environment.step(action)
            total, over = total + float(reward), terminated or truncated
        returns.append(total)
    assert returns[0] == returns[1]
    assert normalised_score(spec, returns[0]) == pytest.approx(returns[0])


def test_a_package_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pointpackage.py").write_text(POINT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place])
    spec = load_environment_spec("pointpackage:Point-v0")
    assert (spec.time_limit, spec.observation_size, spec.action_size) == (12, 2, 1)
    assert spec.action_bounds == ActionBounds((-3.0,), (5.0,))
    environment = make_environment("pointpackage:Point-v0")
    environment.reset(seed=0)
    assert environment.step(np.ones(1, np.float32))[1] == 5.0


def test_an_environment_of_gymnasium_robotics() -> None:
    pytest.importorskip("gymnasium_robotics")
    spec = load_environment_spec("PointMaze_UMazeDense-v3")
    assert (spec.time_limit, spec.observation_size, spec.action_size) == (300, 8, 2)
    with pytest.raises(UserError, match="names no return to ask for"):
        _ = spec.default_target


class _TwoChoices(gymnasium.Env[Any, Any]):
    observation_space = gymnasium.spaces.Box(0, 1, (2,))
    action_space = gymnasium.spaces.MultiDiscrete([2, 2])


class _Picture(gymnasium.Env[Any, Any]):
    observation_space = gymnasium.spaces.Box(0, 1, (8, 8))
    action_space = gymnasium.spaces.Discrete(2)


class _SeesNothing(gymnasium.Env[Any, Any]):
    observation_space = gymnasium.spaces.Box(0, 1, (0,))
    action_space = gymnasium.spaces.Discrete(2)


class _NoParts(gymnasium.Env[Any, Any]):
    observation_space = gymnasium.spaces.Dict({})
    action_space = gymnasium.spaces.Discrete(2)


class _DoesNothing(gymnasium.Env[Any, Any]):
    observation_space = gymnasium.spaces.Box(0, 1, (2,))
    action_space = gymnasium.spaces.Box(0, 1, (0,))


class _Unbounded(_DoesNothing):
    action_space = gymnasium.spaces.Box(0, np.inf, (1,))


class _WholeNumbers(_DoesNothing):
    action_space = gymnasium.spaces.Box(-3, 3, (1,), np.int64)  # type: ignore[arg-type]


class _NoSpaces(gymnasium.Env[Any, Any]):
    pass


class _Exits(_Picture):
    def __init__(self) -> None:
        sys.exit(0)


class _Endless(gymnasium.Env[Any, Any]):
    observation_space = gymnasium.spaces.Box(0, 1, (2,))
    action_space = gymnasium.spaces.Discrete(2)


OWN = (
    _TwoChoices,
    _Picture,
    _SeesNothing,
    _NoParts,
    _DoesNothing,
    _Unbounded,
    _WholeNumbers,
    _NoSpaces,
    _Exits,
    _Endless,
)


@pytest.fixture(autouse=True)
def _own_environments() -> Iterator[None]:
    names = [f"{environment.__name__[1:]}-v0" for environment in OWN]
    for name, environment in zip(names, OWN, strict=True):
        gymnasium.register(name, entry_point=f"{__name__}:{environment.__name__}")
    yield
    for name in names:
        del gymnasium.registry[name]


@pytest.mark.parametrize(("gymnasium_id", "observed"), [("CartPole-v1", 4), ("FrozenLake-v1", 16)])
def test_choices_and_numbered_states_are_one_hot(gymnasium_id: str, observed: int) -> None:
    spec = load_environment_spec(gymnasium_id)
    plain = gymnasium.make(gymnasium_id)
    assert isinstance(plain.action_space, gymnasium.spaces.Discrete)
    choices = int(plain.action_space.n)
    assert spec.action_bounds == ActionBounds.choices(choices, 0)
    assert (spec.observation_size, spec.action_size) == (observed, choices)
    environment, rng = make_environment(gymnasium_id), np.random.default_rng(0)
    shown, _ = environment.reset(seed=3)
    plain.reset(seed=3)
    assert shown.shape == (observed,)
    for _ in range(8):
        action = rng.uniform(-1, 1, choices)
        ours, theirs = environment.step(action), plain.step(int(np.argmax(action)))
        assert ours[1:4] == theirs[1:4]
        if ours[2] or ours[3]:
            break


def test_an_environment_that_is_made_already() -> None:
    environment = make_environment(gymnasium.make("Pendulum-v1"))
    assert isinstance(environment.action_space, gymnasium.spaces.Box)
    assert environment.action_space.high.tolist() == [1.0]
    choosing = make_environment(gymnasium.make("CartPole-v1"))
    assert choosing.action_space.shape == (2,)


def test_an_environment_is_named_by_what_makes_another_like_it() -> None:
    assert name_of(gymnasium.make("Pendulum-v1", render_mode="rgb_array")) == "Pendulum-v1"
    with pytest.raises(UserError, match="made with arguments of its own"):
        name_of(gymnasium.make("Pendulum-v1", g=9.0))
    with pytest.raises(UserError, match="_Picture was not made by"):
        name_of(_Picture())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("TwoChoices-v0", r"takes actions from MultiDiscrete\(\[2 2\]\)"),
        ("Picture-v0", r"shows observation from Box.*which is no vector|shows observations from"),
        ("SeesNothing-v0", "shows observations from Box.*a policy takes a vector of numbers"),
        ("NoParts-v0", "shows observation without parts, so a policy would see nothing"),
        ("DoesNothing-v0", "takes actions from Box"),
        ("Unbounded-v0", "takes actions from Box.* a policy's are a vector of real numbers within bounds"),
        ("WholeNumbers-v0", "takes actions from Box.*int64"),
        ("NoSpaces-v0", "cannot be made here: AttributeError: .*observation_space"),
        ("Exits-v0", r"cannot be made here: SystemExit: 0 \(test_registered.py, line"),
        ("nowhere_package:Point-v0", "cannot be made here: .*nowhere_package"),
        ("Swing-v9", "unknown environment 'Swing-v9'"),
    ],
)
def test_what_cannot_be_is_one_sentence(name: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        load_environment_spec(name)


def test_an_environment_without_a_time_limit_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert load_environment_spec("Endless-v0").time_limit == 1000
    assert "Endless-v0 has no time limit: its episodes end after 1000 steps here" in caplog.text
