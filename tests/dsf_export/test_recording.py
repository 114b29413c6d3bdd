"""Recorded decisions: what the policy meets in its environment, or tokens like it."""

from __future__ import annotations

import numpy as np
import pytest

from dsf_export.recording import CHOICE_SEED, SEED, StateSpread, made_up_tokens, record
from dsf_models.torch_backend import TorchBackend
from support.random_policies import random_policy
from support.small_policies import DELAY, made_up, pssa_policy


def test_closed_loop_tokens_carry_the_policys_own_actions_and_fall_by_the_rewards() -> None:
    backend = TorchBackend(random_policy(DELAY, 3, 1, environment="pendulum"))
    recording = record(backend, StateSpread(np.zeros(3), np.ones(3)), decisions=80)
    assert [len(episode) for episode in recording.episodes] == [50, 30]
    assert recording.decisions == 80
    first, second = recording.episodes[0][:2]
    assert not first.previous_action.any()
    backend.reset()
    np.testing.assert_array_equal(second.previous_action, backend.decide(first).action)
    assert first.return_to_go == backend.return_target
    assert second.return_to_go > first.return_to_go  # pendulum's rewards are negative
    assert not np.array_equal(first.state, recording.episodes[1][0].state)


def test_another_seed_records_other_decisions() -> None:
    """Quantisation is chosen on one recording and judged on another."""
    backend = TorchBackend(random_policy(DELAY, 3, 1, environment="pendulum"))
    spread = StateSpread(np.zeros(3), np.ones(3))
    one, other = (record(backend, spread, decisions=1, seed=seed).episodes[0][0] for seed in (SEED, CHOICE_SEED))
    assert not np.array_equal(one.state, other.state)
    walks = [made_up_tokens(backend, spread, 5, reason="a test", seed=seed) for seed in (SEED, CHOICE_SEED)]
    assert not np.array_equal(walks[0].episodes[0][4].state, walks[1].episodes[0][4].state)


def test_made_up_tokens_fit_the_policy_and_repeat() -> None:
    recording = made_up(pssa_policy(), decisions=150, episode_length=100)
    again = made_up(pssa_policy(), decisions=150, episode_length=100)
    assert [len(episode) for episode in recording.episodes] == [100, 50]
    token = recording.episodes[1][3]
    assert token.state.shape == (5,)
    assert token.previous_action.shape == (3,)
    assert token.return_to_go == pytest.approx(0.97 * pssa_policy().return_target)
    np.testing.assert_array_equal(token.state, again.episodes[1][3].state)


def test_made_up_states_have_the_observations_spread() -> None:
    normalisation = pssa_policy().normalisation
    states = np.array([token.state for token in made_up(pssa_policy(), 3000, 3000).episodes[0]])
    np.testing.assert_allclose(states.std(axis=0), normalisation.state_std, rtol=0.3)
    np.testing.assert_allclose(states.mean(axis=0), normalisation.state_mean, atol=0.5)
