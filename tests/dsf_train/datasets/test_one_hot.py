"""Whole numbers in a dataset become one-hot vectors, or are refused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_train.datasets import Episode
from dsf_train.datasets.one_hot import one_hot
from neuro_runtime.environments import load_environment_spec

ACROBOT = load_environment_spec("Acrobot-v1")  # three choices
LAKE = load_environment_spec("FrozenLake-v1")  # sixteen states, four choices
CHOSEN = [[1, -1, -1], [-1, -1, 1], [-1, 1, -1]]


def episode(actions: object, observations: object = None) -> Episode:
    states = np.zeros((3, 6)) if observations is None else np.array(observations)
    return Episode(states.astype(np.float32), np.array(actions, np.float32), np.zeros(3, np.float32))


@pytest.mark.parametrize("actions", [[0, 2, 1], [[0], [2], [1]], [[1, 0, 0], [0, 0, 1], [0, 1, 0]], CHOSEN])
def test_choices_in_every_form(actions: object) -> None:
    (found,) = one_hot([episode(actions)], ACROBOT, "data")
    assert found.actions.tolist() == CHOSEN
    assert found.actions.dtype == np.float32


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_numbered_states(shape: tuple[int, ...]) -> None:
    states: NDArray[np.int64] = np.array([0, 15, 4]).reshape(shape)
    (found,) = one_hot([episode([3, 0, 1], states)], LAKE, "data")
    assert found.observations.argmax(axis=1).tolist() == [0, 15, 4]
    assert found.observations.sum(axis=1).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("actions", "words"),
    [
        ([0, 3, 1], "data has in episode 0 an action of 3, step 1: it is none of 0 … 2"),
        ([0, 0.5, 1], "an action of 0.5, step 1"),
        ([0, np.nan, 1], "an action of nan, step 1"),
        ([[0.2, 0.1, 0.7]] * 3, "an action of 3 numbers that is not one-hot"),
        ([[0, 1]] * 3, r"an action of shape \(2,\), where the environment has one of 3 whole numbers"),
    ],
)
def test_what_is_no_choice_is_refused(actions: object, words: str) -> None:
    with pytest.raises(UserError, match=words):
        list(one_hot([episode(actions)], ACROBOT, "data"))


def test_other_environments_keep_what_they_have() -> None:
    (found,) = one_hot([episode([0.5, 0.1, 0.2])], load_environment_spec("pendulum"), "data")
    assert found.actions.tolist() == pytest.approx([0.5, 0.1, 0.2])
