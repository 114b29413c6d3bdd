"""Recorded decisions: what the policy meets in its environment, or tokens like it."""

from __future__ import annotations

import numpy as np

from benchmarks.random_policies import random_policy
from export.recording import made_up_tokens, record
from tests.export.export_doubles import DELAY, pssa_policy
from train.torch_backend import TorchBackend


def test_closed_loop_tokens_carry_the_policys_own_actions_and_fall_by_the_rewards() -> None:
    backend = TorchBackend(random_policy(DELAY, 3, 1, environment="pendulum"))
    recording = record(backend, decisions=230)
    assert [len(episode) for episode in recording.episodes] == [200, 30]
    assert recording.decisions == 230
    first, second = recording.episodes[0][:2]
    assert not first.previous_action.any()
    backend.reset()
    np.testing.assert_array_equal(second.previous_action, backend.decide(first).action)
    assert first.return_to_go == backend.return_target
    assert second.return_to_go > first.return_to_go  # pendulum's rewards are negative
    assert not np.array_equal(first.state, recording.episodes[1][0].state)


def test_made_up_tokens_fit_the_policy_and_repeat() -> None:
    backend = TorchBackend(pssa_policy())
    recording = made_up_tokens(backend, 150, reason="of a test")
    again = made_up_tokens(backend, 150, reason="of a test")
    assert [len(episode) for episode in recording.episodes] == [100, 50]
    token = recording.episodes[1][3]
    assert token.state.shape == (5,)
    assert token.previous_action.shape == (3,)
    np.testing.assert_array_equal(token.state, again.episodes[1][3].state)
