"""A jump within an episode is told; what an environment does by itself is none."""

from __future__ import annotations

from collections.abc import Iterable

import gymnasium
import numpy as np
import pytest

from dsf_train.datasets.episode import Episode
from dsf_train.datasets.jumps import Jumps
from support.small_datasets import observed_episode


def told(episodes: Iterable[Episode]) -> list[str]:
    """The doubts about them."""
    jumps = Jumps()
    for number, one in enumerate(episodes):
        jumps.look_at(number, one)
    return list(jumps.doubts("data"))


@pytest.fixture(scope="module")
def cars() -> list[Episode]:
    """Twelve cars that swing up a hill; most run into the wall on the other side, which stops them at once."""
    environment = gymnasium.make("MountainCarContinuous-v0")
    episodes = []
    for seed in range(12):
        observation, _ = environment.reset(seed=seed)
        seen, over = [observation], False
        while not over:
            observation, _, terminated, truncated, _ = environment.step(
                np.sign(observation[1:]) + (observation[1:] == 0)
            )
            over = terminated or truncated
            seen.append(observation)
        episodes.append(observed_episode(np.array(seen[:-1])))
    environment.close()
    return episodes


def test_a_car_that_runs_into_a_wall_is_not_reset(cars: list[Episode]) -> None:
    stopped = [(one.observations[:, 0] == -1.2).any() for one in cars]
    assert sum(stopped) > 6
    assert told(cars) == []


def test_cars_without_end_marks_are_told(cars: list[Episode]) -> None:
    pairs = zip(cars[::2], cars[1::2], strict=True)
    joined = [observed_episode(np.concatenate([one.observations, other.observations])) for one, other in pairs]
    (doubt,) = told(joined)
    assert "jump at 6 steps within 6 episodes, the first after step" in doubt


def test_steps_that_lack_within_an_episode_are_told() -> None:
    """They go on where no episode starts."""
    time = np.arange(200.0)
    whole = [np.stack([time, time**2 / 100, np.sin(time / 30) + time], axis=1) + seed for seed in range(12)]
    (doubt,) = told(observed_episode(np.delete(one, range(60, 90), axis=0)) for one in whole)
    assert "jump at 12 steps within 12 episodes, the first after step 59 of episode 0" in doubt
    assert told(map(observed_episode, whole)) == []


@pytest.mark.parametrize(("push", "doubts"), [(0.003, 0), (0.3, 1)])
def test_a_push_that_is_small_in_these_data_is_no_reset(push: float, doubts: int) -> None:
    """It leaves a smooth course for where other episodes start."""
    rng = np.random.default_rng(0)
    course = 0.3 * push * np.arange(200.0)[:, None] + 1e-6 * rng.standard_normal((200, 2))
    course[2:] += push
    assert len(told(observed_episode(course + start) for start in np.linspace(-1, 1, 12))) == doubts
