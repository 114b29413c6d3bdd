"""Environments whose observation comes in parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import gymnasium
import numpy as np
import pytest
import yaml
from gymnasium.envs.registration import EnvCreator
from gymnasium.spaces import Box, Dict, Discrete, Space, Text

from dsf_common.errors import UserError
from neuro_runtime.environments import make_environment


class InParts(gymnasium.Env[Any, Any]):
    """Shows a place and a goal, or whatever space it is given."""

    metadata = {"render_modes": []}  # noqa: RUF012  # as Gymnasium declares it

    def __init__(self, space: Space[Any] | None = None, render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        self.observation_space = space or Dict({"place": Box(-9, 9, (2,)), "goal": Box(-9, 9, (1,))})
        self.action_space = Box(-1, 1, (1,))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self._seen(), 0.25, False, False, {}

    def _seen(self) -> Any:
        return {"place": np.array([1, 2], np.float32), "goal": np.array([3], np.float32)}


class Counted(InParts):
    """Shows which of three cells it is in."""

    def __init__(self, render_mode: str | None = None) -> None:
        super().__init__(Discrete(3), render_mode)

    def _seen(self) -> Any:
        return np.int64(2)


gymnasium.register("InParts-v0", entry_point=cast(EnvCreator, InParts))
gymnasium.register("Counted-v0", entry_point=cast(EnvCreator, Counted))


def own_spec(folder: Path, monkeypatch: pytest.MonkeyPatch, **content: Any) -> str:
    monkeypatch.setenv("DSF_ENVIRONMENTS", str(folder))
    common = {"time_limit": 300, "reference_min": 0, "reference_max": 1, "return_targets": [1], "return_scale": 1}
    (folder / "mine.yaml").write_text(yaml.safe_dump(common | content))
    return "mine"


@pytest.mark.parametrize(
    ("gymnasium_id", "seen"), [("InParts-v0", [3, 1, 2]), ("Counted-v0", [0, 0, 1])], ids=["dict", "discrete"]
)
def test_parts_are_joined_in_the_order_of_the_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gymnasium_id: str, seen: list[float]
) -> None:
    name = own_spec(tmp_path, monkeypatch, gymnasium_id=gymnasium_id, observation_size=3, action_size=1)
    env = make_environment(name)
    assert env.reset(seed=0)[0].tolist() == seen
    observation, reward, *_ = env.step(np.zeros(1, np.float32))
    assert (observation.tolist(), reward) == (seen, 0.25)


@pytest.mark.parametrize(
    ("space", "part"),
    [
        (Dict({"camera": Box(0, 1, (4, 4)), "place": Box(0, 1, (2,))}), r"observation\['camera'\]"),
        (Dict({"robot": Dict({"says": Text(5)})}), r"observation\['robot'\]\['says'\]"),
        (Text(5), "observation from Text"),
    ],
    ids=["picture", "nested text", "text"],
)
def test_a_part_that_is_no_vector_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, space: Space[Any], part: str
) -> None:
    gymnasium.register("Other-v0", entry_point=lambda **options: InParts(space, **options))
    name = own_spec(tmp_path, monkeypatch, gymnasium_id="Other-v0", observation_size=3, action_size=1)
    with pytest.raises(UserError, match=rf"mine shows {part}"):
        make_environment(name)
    gymnasium.registry.pop("Other-v0")


@pytest.mark.parametrize(
    ("gymnasium_id", "observations", "actions"),
    [("PointMaze_UMazeDense-v3", 8, 2)],
)
def test_a_goal_environment_returns_what_gymnasium_robotics_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gymnasium_id: str, observations: int, actions: int
) -> None:
    robotics = pytest.importorskip("gymnasium_robotics")
    gymnasium.register_envs(robotics)
    name = own_spec(
        tmp_path, monkeypatch, gymnasium_id=gymnasium_id, observation_size=observations, action_size=actions
    )
    returns = []
    for env in (make_environment(name), gymnasium.make(gymnasium_id, max_episode_steps=300)):
        rng = np.random.default_rng(0)
        env.reset(seed=0)
        given = [rng.uniform(-1, 1, actions).astype(np.float32) for _ in range(40)]
        returns.append(sum(float(env.step(action)[1]) for action in given))
        env.close()
    assert returns[0] == returns[1]
    assert returns[0] != 0
