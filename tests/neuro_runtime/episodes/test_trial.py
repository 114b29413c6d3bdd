"""Environments are tried before anything is built on them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, cast

import gymnasium
import pytest

from dsf_common.errors import UserError
from neuro_runtime.environments import load_environment_spec
from neuro_runtime.environments.registered import registered_spec
from neuro_runtime.episodes.trial import try_environment
from tests.neuro_runtime.own_environments import OwnEnvironment, register

NAME = "Own-v0"


@pytest.fixture(autouse=True)
def _unregistered() -> Iterator[None]:
    yield
    gymnasium.registry.pop(NAME, None)
    registered_spec.cache_clear()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("reset fails", r"Own-v0, .* its reset fails, FileNotFoundError: track.json \(own_environments.py, line \d+\)"),
        ("step fails", r"its step fails, ZeroDivisionError: division by zero \(own_environments.py, line \d+\)"),
        ("old gym's reset", "its reset gives no observation with a dictionary beside it"),
        ("old gym's step", "its step fails, .*: give observation, reward, terminated, truncated and info"),
        ("reset exits", r"its reset fails, SystemExit: 0 \(own_environments.py, line \d+\)"),
        ("step exits", r"its step fails, SystemExit: 0 \(own_environments.py, line \d+\)"),
        ("nan observation", r"step 0: the observation holds a value that is not finite, nan in entry 1"),
        ("infinite reward", "the reward is not finite, inf"),
        ("reward of text", r"the reward is 'much' \(str\) and no real number"),
        ("reward of digits", r"the reward is '1' \(str\) and no real number"),
        ("endless reward", "the reward is a value of type int and no real number"),
        ("no reward", r"the reward is None \(NoneType\) and no real number"),
        ("observation of text", r"the observation is 'here' \(str\) and no vector of real numbers"),
        ("observation of digits", r"the observation is array.* \(<U1 array\) and no vector of real numbers"),
        ("complex observation", "the observation is .*complex128 array.* and no vector of real numbers"),
        ("masked observation", "the observation is .*float64 array.* and no vector of real numbers"),
        ("observation of endless integers", "the observation is a value of type list and no vector of real numbers"),
        ("end of text", r"terminated is 'no' \(str\) and neither true nor false"),
        ("end without a value", r"terminated is None \(NoneType\) and neither true nor false"),
        ("end that is nan", r"terminated is nan \(float\) and neither true nor false"),
        ("observation of another shape", r"the observation has shape \(3,\), its space says \(2,\)"),
    ],
)
def test_what_is_wrong_is_one_sentence(fault: str, words: str) -> None:
    register(NAME, fault=fault)
    with pytest.raises(UserError, match=words):
        try_environment(load_environment_spec(NAME))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("beyond its bounds", "Own-v0 shows 11 in entry 1 of an observation, which its space bounds to -10 … 10"),
        ("ignores its seed", "does not begin alike when it is reset twice with one seed"),
        ("close fails", "OwnEnvironment fails to close, OSError: the arm is gone"),
    ],
)
def test_what_may_be_wrong_is_told(fault: str, words: str, caplog: pytest.LogCaptureFixture) -> None:
    register(NAME, fault=fault)
    try_environment(load_environment_spec(NAME))
    assert words in caplog.text


@pytest.mark.parametrize("name", ["pendulum", "pendulum-hidden", "t-maze-10", "pen-e", "hopper-m-e", "CartPole-v1"])
def test_environments_of_ours_pass(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        try_environment(load_environment_spec(name))
    assert not caplog.records


def test_an_environment_that_takes_no_render_mode_cannot_be_filmed() -> None:
    def blind() -> OwnEnvironment:
        return OwnEnvironment()

    gymnasium.register(NAME, entry_point=cast(Any, blind))
    with pytest.raises(UserError, match="Own-v0 takes no render_mode, so it cannot be filmed"):
        try_environment(load_environment_spec(NAME), render_mode="rgb_array")
