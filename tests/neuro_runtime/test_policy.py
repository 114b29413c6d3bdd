"""The library's front door: return-to-go, previous action and wrong observations."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from dsf_common.errors import UserError
from neuro_runtime.backends.base import Decision
from neuro_runtime.policy import Policy, load_policy
from neuro_runtime.token import Token
from tests.neuro_runtime.run_doubles import ACTIVITY, ListeningBackend, write_tiny_program


@pytest.fixture
def backend() -> ListeningBackend:
    return ListeningBackend()


def test_rewards_come_off_the_return_to_go_but_for_the_first(backend: ListeningBackend) -> None:
    policy = Policy(backend)
    policy.reset()
    policy.act([0, 0, 0], reward=99.0)
    policy.act([0, 0, 0], reward=2.0)
    policy.act([0, 0, 0], reward=-3.0)
    assert [token.return_to_go for token in backend.tokens] == [-100.0, -102.0, -99.0]


def test_a_reset_begins_anew(backend: ListeningBackend) -> None:
    policy = Policy(backend)
    policy.act([1, 2, 3])
    policy.reset(return_target=7)
    policy.act([1, 2, 3], reward=5)
    assert backend.resets == 2
    assert backend.tokens[-1].return_to_go == 7.0
    np.testing.assert_array_equal(backend.tokens[-1].previous_action, [0.0])


def test_the_previous_action_is_the_policys_own_whatever_the_caller_does_to_it(backend: ListeningBackend) -> None:
    policy = Policy(backend)
    action = policy.act([0, 0, 0])
    action[:] = -5
    policy.act([0, 0, 0])
    np.testing.assert_array_equal(backend.tokens[-1].previous_action, [2.0])


def test_activity_is_the_last_decisions(backend: ListeningBackend) -> None:
    policy = Policy(backend)
    with pytest.raises(UserError, match="call act first"):
        _ = policy.activity
    policy.act([0, 0, 0])
    assert policy.activity is ACTIVITY


def test_a_policy_closes_its_backend(backend: ListeningBackend) -> None:
    with Policy(backend):
        pass
    assert backend.closed


@pytest.mark.parametrize(
    ("observation", "reward", "message"),
    [
        ([0.0, 0.0], 0.0, r"shape \(2,\), but the policy for pendulum expects \(3,\)"),
        ([[0.0, 0.0, 0.0]], 0.0, r"shape \(1, 3\)"),
        ([0.0, np.nan, 0.0], 0.0, "the observation holds a value that is not finite"),
        (
            ["a", "b", "c"],
            0.0,
            "is no vector of real numbers, but the policy for pendulum expects 3 of them",
        ),
        ([0.0, 0.0, 1j], 0.0, "the observation is no vector of real numbers"),
        ([0.0, 0.0, 0.0], np.inf, "the reward is not finite"),
        ([10**400, 0.0, 0.0], 0.0, "the observation is no vector of real numbers"),
        (np.ma.array([0.0, 0.0, 0.0], mask=[True, False, False]), 0.0, "the observation is no vector of real numbers"),
        ([0.0, 0.0, 0.0], None, "the reward must be a number, got None"),
        ([0.0, 0.0, 0.0], "1", "the reward must be a number, got '1'"),
        ([0.0, 0.0, 0.0], 10**400, "the reward must be a number"),
        ([0.0, 0.0, 0.0], np.zeros(2), "the reward must be a number"),
    ],
)
def test_wrong_observations_are_refused(
    backend: ListeningBackend, observation: ArrayLike, reward: Any, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        Policy(backend).act(observation, reward)


def test_a_return_that_no_training_saw_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with load_policy(write_tiny_program(tmp_path), backend="interpreter") as policy:
        policy.reset()
        policy.reset(5 * policy.return_target)
        assert not caplog.text
        policy.reset(1e30)
        policy.reset(1e30)
    assert caplog.text.count("return_target=1e+30 is far from what this policy was trained with") == 1


@pytest.mark.parametrize(("target", "message"), [(float("nan"), "finite, got nan"), ("many", "a number, got 'many'")])
def test_a_return_target_must_be_a_number(backend: ListeningBackend, target: Any, message: str) -> None:
    with pytest.raises(UserError, match=f"return_target must be {message}"):
        Policy(backend).reset(return_target=target)


@pytest.mark.parametrize("name", ["", 3])
def test_a_backend_has_a_name(tmp_path: Path, name: Any) -> None:
    with pytest.raises(UserError, match=f"no backend {name!r}: choose from"):
        load_policy(write_tiny_program(tmp_path), backend=name)


def test_an_action_that_is_not_finite_never_leaves(backend: ListeningBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy(backend)
    monkeypatch.setattr(backend, "decide", lambda token: Decision(np.array([np.nan]), ACTIVITY))
    with pytest.raises(UserError, match="the policy's action is not finite"):
        policy.act([3.4e38, 0, 0])


def test_two_threads_are_not_answered_at_once(backend: ListeningBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    policy, answer = Policy(backend), backend.decide

    def meanwhile(token: Token) -> Decision:
        with ThreadPoolExecutor(1) as pool, pytest.raises(UserError, match="deciding in another thread"):
            pool.submit(policy.act, [0, 0, 0]).result()
        return answer(token)

    monkeypatch.setattr(backend, "decide", meanwhile)
    policy.act([1, 2, 3])
    assert len(backend.tokens) == 1


def test_a_policy_is_pickled_between_episodes_or_says_that_it_cannot(tmp_path: Path, backend: ListeningBackend) -> None:
    opened = load_policy(write_tiny_program(tmp_path), backend="interpreter")
    opened.reset(-50.0)
    twin = pickle.loads(pickle.dumps(opened))
    np.testing.assert_array_equal(twin.act([1, 2, 3]), opened.act([1, 2, 3]))
    with pytest.raises(UserError, match="in the middle of an episode"):
        pickle.dumps(opened)
    with pytest.raises(UserError, match="load_policy did not open it"):
        pickle.dumps(Policy(backend))


@pytest.mark.parametrize("use", [lambda policy: policy.act(np.zeros(3)), lambda policy: policy.reset()])
def test_a_closed_policy_decides_nothing(backend: ListeningBackend, use: Callable[[Policy], object]) -> None:
    policy = Policy(backend)
    policy.close()
    with pytest.raises(UserError, match="this policy is closed: open it again"):
        use(policy)
