"""Changes in Adroit since D4RL are seen by looking, and undone once."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

from dsf_common.errors import UserError
from neuro_runtime.environments import load_environment_spec, make_environment
from neuro_runtime.environments.adroit import (
    PALM_TERMS,
    PalmTerm,
    PenDrops,
    SubtractPalmDistance,
    adds_palm_distance,
    like_d4rl,
)

DISTANCE, OTHER_TERMS = 0.3, -1.0
STILL = np.zeros(1, dtype=np.float32)


class Fake(gymnasium.Env[Any, Any]):
    """An environment whose reward is ``sign · 0.1 · distance`` and other terms."""

    observation_space = gymnasium.spaces.Box(0, 1, (27,))
    action_space = gymnasium.spaces.Box(-1, 1, (1,))

    def __init__(self, sign: float = 1.0, height: float = DISTANCE, name: str = "Fake-v1") -> None:
        self.sign, self.height, self.closed = sign, height, False
        self.spec = gymnasium.envs.registration.EnvSpec(name)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        return np.full(27, self.height), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        reward = self.sign * 0.1 * self.height + OTHER_TERMS
        return np.full(27, self.height), reward, False, False, {}

    def close(self) -> None:
        self.closed = True


TERM = PalmTerm(distance=lambda observation: float(observation[0]), other_terms=lambda simulator: OTHER_TERMS)


@pytest.fixture(autouse=True)
def fake_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PALM_TERMS, "Fake-v1", TERM)


@pytest.mark.parametrize("sign", [+1, -1])
def test_either_sign_becomes_d4rls(sign: float) -> None:
    probe = Fake(sign)
    env = like_d4rl(Fake(sign), lambda: probe)
    assert isinstance(env, SubtractPalmDistance) == (sign > 0)
    assert env.step(STILL)[1] == pytest.approx(OTHER_TERMS - 0.1 * DISTANCE)
    assert probe.closed


def test_nothing_is_corrected_twice() -> None:
    def corrected() -> Any:
        return like_d4rl(Fake(+1), lambda: Fake(+1))

    again = like_d4rl(corrected(), corrected)
    assert again.step(STILL)[1] == pytest.approx(OTHER_TERMS - 0.1 * DISTANCE)


@pytest.mark.parametrize("sign", [2, 0, -1.1])
def test_another_reward_is_refused(sign: float) -> None:
    with pytest.raises(UserError, match=r"the reward of Fake-v1 is not the one D4RL recorded.*not ±0\.0300"):
        like_d4rl(Fake(sign), lambda: Fake(sign))


def test_simulator_with_other_insides_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PALM_TERMS, "Fake-v1", PALM_TERMS["AdroitHandDoor-v1"])
    with pytest.raises(UserError, match="cannot be compared with D4RL's"):
        like_d4rl(Fake(), Fake)


@pytest.mark.parametrize("name", ["door-e", "hammer-e", "relocate-e"])
def test_made_environments_subtract_the_distance(name: str) -> None:
    env = make_environment(name)
    assert not adds_palm_distance(env, PALM_TERMS[load_environment_spec(name).gymnasium_id])
    env.close()


def test_a_dropped_pen_ends_the_episode() -> None:
    pen = "AdroitHandPen-v1"
    dropped, held = (like_d4rl(Fake(height=height, name=pen), Fake) for height in (0.07, 0.08))
    assert isinstance(dropped, PenDrops)
    assert dropped.step(STILL)[2]
    assert not held.step(STILL)[2]


def test_other_environments_stay_as_they_are() -> None:
    env = Fake(name="Other-v1")
    assert like_d4rl(env, Fake) is env
