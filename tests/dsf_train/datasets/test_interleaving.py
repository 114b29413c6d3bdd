"""Steps of several environments mixed are told; episodes that repeat one another are not."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from dsf_train.datasets.demonstrations import record_demonstrations
from dsf_train.datasets.episode import Episode
from dsf_train.datasets.interleaving import FEWEST_STEPS, Interleaving
from neuro_runtime.environments import load_environment_spec
from support.small_datasets import observed_episode, read_d4rl


def told(episodes: Iterable[Episode]) -> list[str]:
    """The doubts about them."""
    interleaving = Interleaving()
    for number, one in enumerate(episodes):
        interleaving.look_at(number, one)
    return list(interleaving.doubts("data"))


@pytest.mark.parametrize(
    "name", ["pendulum", "pendulum-hidden", *(f"t-maze-{length}" for length in (2, 3, 5, 10, 20, 30, 100))]
)
def test_what_is_generated_is_not_mixed(name: str, tmp_path: Path) -> None:
    spec = load_environment_spec(name)
    record_demonstrations(spec, tmp_path / "data.hdf5", episodes=1 + 2 * FEWEST_STEPS // 5, seed=0)
    assert told(read_d4rl(tmp_path / "data.hdf5", spec.time_limit)) == []


@pytest.mark.parametrize("length", [2, 9, 16, 31])
def test_episodes_that_all_go_the_same_way_are_not_mixed(length: int) -> None:
    rng = np.random.default_rng(length)
    way = rng.standard_normal((length, 3))
    assert told(observed_episode(way + 0.01 * rng.standard_normal(way.shape)) for _ in range(200)) == []


@pytest.mark.parametrize("environments", [2, 8, 11, 50])
@pytest.mark.parametrize("read_as", [200, 7, 2, 1])
def test_steps_of_several_environments_are_told(environments: int, read_as: int) -> None:
    """Whatever episodes end marks among them make, of one length or another."""
    rng = np.random.default_rng(environments)
    walks = np.cumsum(rng.standard_normal((200, environments, 3)), axis=0)
    steps = walks.reshape(-1, 3)
    lengths = rng.integers(1, 2 * read_as, size=len(steps))
    ends = np.cumsum(lengths)
    (doubt,) = told(observed_episode(part) for part in np.split(steps, ends[ends < len(steps)]))
    assert f"the steps of {environments} environments seem to be mixed" in doubt
