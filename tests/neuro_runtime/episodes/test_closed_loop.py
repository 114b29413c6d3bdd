"""The closed loop alone: who acts where, what the environment is given, and when an episode is over."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from dsf_common.errors import UserError
from neuro_runtime.episodes.closed_loop import EpisodeUnderWay, run_closed_loop
from tests.neuro_runtime.own_environments import WRONG_AT, OwnEnvironment
from tests.neuro_runtime.run_doubles import CountingEnvironment

ACTION = np.array([2.0])


def test_the_next_episode_begins_where_one_ends() -> None:
    begun: list[int] = []
    together: list[list[int]] = []

    def act(running: Mapping[int, EpisodeUnderWay]) -> list[NDArray[np.float64]]:
        together.append([episode.seed for episode in running.values()])
        return [ACTION for _ in running]

    environments = [CountingEnvironment(), CountingEnvironment()]
    finished = run_closed_loop(environments, range(5, 8), act, begin=begun.append)
    assert begun == [0, 1, 0]
    assert together == [[5, 6]] * 3 + [[7]] * 3
    assert [episode.seed for episode in finished] == [5, 6, 7]
    assert all(episode.rewards == [1.0, 2.0, 3.0] and episode.total_reward == 6.0 for episode in finished)


def test_the_environment_is_given_actions_it_can_take() -> None:
    environment = CountingEnvironment()
    run_closed_loop([environment], [0], lambda running: [ACTION], at_most=1)
    (given,) = environment.actions
    assert given.dtype == environment.action_space.dtype
    assert given.tolist() == [1.0]


def test_an_episode_can_be_cut_short() -> None:
    steps: list[None] = []
    (episode,) = run_closed_loop(
        [CountingEnvironment()], [0], lambda running: [ACTION], on_step=lambda: steps.append(None), at_most=2
    )
    assert episode.is_over
    assert episode.reward == 2.0
    assert len(steps) == len(episode.rewards) == 2


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            "nan observation",
            "OwnEnvironment, episode of seed 7, step 3: the observation holds a value that is not finite",
        ),
        ("infinite reward", "episode of seed 7, step 3: the reward is not finite"),
        ("step fails", "episode of seed 7, step 3: its step fails, ZeroDivisionError"),
    ],
)
def test_a_step_that_is_wrong_is_named(fault: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        run_closed_loop([OwnEnvironment(fault, WRONG_AT)], [7], lambda running: [ACTION])


def test_an_observation_keeps_its_numbers_whatever_type_the_first_one_had() -> None:
    """An environment may reset to whole numbers and step to others; the first one's type is not the last one's."""
    episode = EpisodeUnderWay(OwnEnvironment("whole numbers at first"), seed=0)
    assert episode.observation.dtype == np.float64
    episode.step(ACTION)
    assert episode.observation.tolist() == [0.25, 0.75]


def test_an_action_that_is_not_finite_reaches_no_environment() -> None:
    environment = CountingEnvironment()
    with pytest.raises(UserError, match="the policy's action is not finite"):
        run_closed_loop([environment], [0], lambda running: [np.array([np.nan])])
    assert not environment.actions


def test_episodes_that_ended_are_kept_where_a_later_one_fails() -> None:
    finished: list[EpisodeUnderWay] = []
    environment = CountingEnvironment()

    def act(running: Mapping[int, EpisodeUnderWay]) -> list[NDArray[np.float64]]:
        return [np.array([np.nan if running[0].seed == 2 else 0.0])]

    with pytest.raises(UserError, match="episode of seed 2, step 0"):
        run_closed_loop([environment], range(4), act, finished=finished)
    assert [episode.seed for episode in finished] == [0, 1]
