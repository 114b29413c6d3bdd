"""The pendulum's demonstrator is what the reference scores say it is, and its recordings what they claim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsf_train.datasets import Episode
from dsf_train.datasets.demonstrations import record_demonstrations
from dsf_train.datasets.jumps import Jumps
from dsf_train.datasets.pendulum import LARGEST_TORQUE, demonstrate
from neuro_runtime.environments import load_environment_spec, make_environment, normalised_score
from support.pendulum_returns import random_torques, returns
from support.small_datasets import read_d4rl


def record(name: str, path: Path, episodes: int, seed: int = 0) -> list[Episode]:
    spec = load_environment_spec(name)
    record_demonstrations(spec, path, episodes, seed)
    return list(read_d4rl(path, spec.time_limit))


def test_reference_scores_are_what_the_command_measures() -> None:
    spec, hidden = load_environment_spec("pendulum"), load_environment_spec("pendulum-hidden")
    assert (spec.reference_min, spec.reference_max) == (hidden.reference_min, hidden.reference_max)
    for act, reference in ((demonstrate, spec.reference_max), (random_torques(), spec.reference_min)):
        totals = returns(act, episodes=60)
        assert abs(totals.mean() - reference) < 3 * totals.std() / np.sqrt(len(totals))


def test_demonstrator_balances() -> None:
    env = make_environment("pendulum")
    simulator: Any = env.unwrapped
    for seed in range(20):
        env.reset(seed=seed)
        for _ in range(150):
            env.step(np.array([demonstrate(simulator.state)], dtype=np.float32))
        angle, speed = simulator.state
        assert abs((angle + np.pi) % (2 * np.pi) - np.pi) < 0.05
        assert abs(speed) < 0.1


def test_recording_is_the_demonstrators_for_the_most_part(tmp_path: Path) -> None:
    spec = load_environment_spec("pendulum")
    episodes = record("pendulum", tmp_path / "data.hdf5", 40)
    assert [len(episode) for episode in episodes] == [200] * 40
    scores = [normalised_score(spec, episode.total) for episode in episodes]
    assert np.mean(scores[:4]) == pytest.approx(100, abs=10)  # expert
    assert np.mean(scores[36:]) < 90  # partial


def test_the_record_keeps_the_torque_that_was_executed(tmp_path: Path) -> None:
    """Each recorded torque explains the next recorded speed, disturbed or not."""
    for episode in record("pendulum", tmp_path / "data.hdf5", 20):
        _, sine, speed = episode.observations.astype(np.float64).T
        torque = LARGEST_TORQUE * episode.actions[:, 0].astype(np.float64)
        expected = np.clip(speed + (15 * sine + 3 * torque) * 0.05, -8, 8)
        assert np.allclose(expected[:-1], speed[1:], atol=1e-4)


def test_noisy_episodes_are_disturbed_and_the_others_are_not(tmp_path: Path) -> None:
    def disturbance(episode: Episode) -> float:
        cosine, sine, speed = episode.observations.astype(np.float64).T
        wanted = [demonstrate(np.array(state)) for state in zip(np.arctan2(sine, cosine), speed, strict=True)]
        return float(np.mean(np.abs(episode.actions[:, 0] - wanted) > 1e-3))

    disturbed = [disturbance(episode) for episode in record("pendulum", tmp_path / "data.hdf5", 20)]
    assert max(disturbed[:2]) < 0.02  # expert; float32 may cross a switch
    assert min(disturbed[2:18]) > 0.3  # noisy


def test_hidden_recording_is_the_other_without_its_velocity(tmp_path: Path) -> None:
    seen = record("pendulum", tmp_path / "seen.hdf5", 7)
    hidden = record("pendulum-hidden", tmp_path / "hidden.hdf5", 7)
    for full, part in zip(seen, hidden, strict=True):
        assert np.array_equal(full.observations[:, :2], part.observations)
        assert np.array_equal(full.actions, part.actions)
        assert np.array_equal(full.rewards, part.rewards)


def test_seed_decides_the_recording(tmp_path: Path) -> None:
    first, same, other = (record("pendulum", tmp_path / f"{n}.hdf5", 1, seed) for n, seed in enumerate((1, 1, 2)))
    assert np.array_equal(first[0].rewards, same[0].rewards)
    assert not np.array_equal(first[0].rewards, other[0].rewards)


def test_nothing_is_doubtful_about_the_recording(tmp_path: Path) -> None:
    """A pendulum that stands still most of the time swings up first, which is no jump."""
    record_demonstrations(load_environment_spec("pendulum"), tmp_path / "data.hdf5", 60, seed=0)
    jumps = Jumps()
    for number, episode in enumerate(read_d4rl(tmp_path / "data.hdf5", time_limit=200)):
        jumps.look_at(number, episode)
    assert not list(jumps.doubts("data"))
