"""The closed loop alone: who acts where, what the environment is given, and when an episode is over."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from neuro_runtime.episodes.closed_loop import EpisodeUnderWay, run_closed_loop
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
