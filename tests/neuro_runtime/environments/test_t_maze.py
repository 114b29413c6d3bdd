"""The T-maze pays for the cue's turn and nothing else, and shows the cue once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from dsf_common.errors import UserError
from neuro_runtime.environments import environment_names, load_environment_spec, make_environment, normalised_score

SPECS = Path(make_environment.__code__.co_filename).parent / "specs"


def act(env: Any, steering: float) -> tuple[Any, ...]:
    result: tuple[Any, ...] = env.step(np.array([steering], dtype=np.float32))
    return result


@pytest.mark.parametrize("turn", [-1, 1])
def test_the_cue_decides_the_turn(turn: int) -> None:
    spec, env = load_environment_spec("t-maze-7"), make_environment("t-maze-7")
    for seed in range(10):
        observation, _ = env.reset(seed=seed)
        cue = observation[0]
        assert cue in (-1, 1)
        for step in range(7):
            assert observation[2] == 0
            observation, reward, terminated, truncated, _ = act(env, 0.5 * (-1) ** step)
            assert observation[0] == 0
            assert (reward, terminated, truncated) == (0, False, False)
        assert observation[2] == 1
        *_, reward, terminated, _, _ = act(env, 0.01 * cue * turn)
        assert terminated
        assert normalised_score(spec, reward) == (100 if turn == 1 else 0)


def test_steering_into_a_wall_loses_a_step_and_there_are_as_many_to_lose() -> None:
    env = make_environment("t-maze-5")
    env.reset(seed=0)
    act(env, 0.6)
    over = [any(act(env, 0.0)[2:4]) for _ in range(6)]
    assert over == [False] * 5 + [True]
    env.reset(seed=0)
    assert [act(env, -1.0)[3] for _ in range(10)] == [False] * 9 + [True]


def test_both_cues_and_noise_come_from_the_seed() -> None:
    env = make_environment("t-maze-5")
    seen = [env.reset(seed=seed)[0] for seed in range(100)]
    assert np.array_equal(seen[3], env.reset(seed=3)[0])
    assert 30 < sum(observation[0] > 0 for observation in seen) < 70
    assert len({float(observation[3]) for observation in seen}) == 100


def test_corridors_of_random_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = yaml.safe_load((SPECS / "t-maze-N.yaml").read_text())
    del content["N"]
    (tmp_path / "my-maze.yaml").write_text(
        yaml.safe_dump({**content, "time_limit": 12, "options": {"length": 6, "shortest": 3}})
    )
    monkeypatch.setenv("DSF_ENVIRONMENTS", str(tmp_path))
    env = make_environment("my-maze")
    lengths = set()
    for seed in range(60):
        observation, _ = env.reset(seed=seed)
        steps = 0
        while not observation[2]:
            observation, *_ = act(env, 0.0)
            steps += 1
        lengths.add(steps)
    assert lengths == {3, 4, 5, 6}


@pytest.mark.parametrize(
    ("options", "message"),
    [({"length": 1}, "length=1"), ({"length": 5, "shortest": 0}, "shortest=0"), ({"length": 5, "shortest": 6}, "=6")],
)
def test_impossible_corridors_are_refused(
    options: dict[str, int], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = yaml.safe_load((SPECS / "t-maze-N.yaml").read_text())
    del content["N"]
    (tmp_path / "my-maze.yaml").write_text(yaml.safe_dump({**content, "time_limit": 12, "options": options}))
    monkeypatch.setenv("DSF_ENVIRONMENTS", str(tmp_path))
    with pytest.raises(UserError, match=message):
        make_environment("my-maze")


def test_any_length_goes_by_name_and_some_are_listed() -> None:
    spec = load_environment_spec("t-maze-37")
    assert (spec.name, spec.time_limit, spec.options) == ("t-maze-37", 74, {"length": 37})
    assert {"t-maze-10", "t-maze-200"} <= set(environment_names())
    assert "t-maze-N" not in environment_names()


def test_a_length_that_there_is_not() -> None:
    with pytest.raises(UserError, match="t-maze-1: its number must be at least 2"):
        load_environment_spec("t-maze-1")
    with pytest.raises(UserError, match=r"unknown environment 't-maze-x': did you mean t-maze-"):
        load_environment_spec("t-maze-x")


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        (None, "every number N"),
        ({"least": 2}, "every number N"),
        ({"least": 2.5, "listed": [3]}, "N.least is 2.5"),
        ({"least": 2, "listed": "all"}, "N.listed is 'all'"),
    ],
)
def test_a_family_that_does_not_say_its_numbers(
    numbers: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = yaml.safe_load((SPECS / "t-maze-N.yaml").read_text())
    (tmp_path / "mine-N.yaml").write_text(yaml.safe_dump({**content, "N": numbers}))
    monkeypatch.setenv("DSF_ENVIRONMENTS", str(tmp_path))
    with pytest.raises(UserError, match=message):
        environment_names()
