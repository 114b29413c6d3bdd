"""Datasets whose end marks cannot be right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsf_train.datasets import Episode
from dsf_train.datasets.episode import cut_episodes
from dsf_train.datasets.plausibility import plausible
from neuro_runtime.environments import load_environment_spec
from support.small_datasets import d4rl_columns, read_d4rl, write_hdf5

LENGTH, EPISODES = 100, 20


def walks(marks_moved_by: int = 0) -> list[Episode]:
    """Random walks of 0.1 a step that begin far apart, cut at their ends or some steps later."""
    rng = np.random.default_rng(0)
    steps = 0.1 * rng.standard_normal((EPISODES, LENGTH, 3))
    observations = (np.cumsum(steps, axis=1) + rng.uniform(-5, 5, (EPISODES, 1, 3))).reshape(-1, 3)
    ends = np.roll(np.arange(LENGTH * EPISODES) % LENGTH == LENGTH - 1, marks_moved_by)
    return cut_episodes(observations, np.zeros((len(ends), 1)), np.ones(len(ends)), ends)


def doubts(episodes: list[Episode], **changes: Any) -> str:
    """The doubts about ``episodes`` of an environment of these entries in its file."""
    spec = replace(load_environment_spec("pendulum"), **{"time_limit": LENGTH, "dataset_steps": 0, **changes})
    notes: list[str] = []
    assert len(list(plausible(episodes, "data.hdf5", spec, notes))) == len(episodes)
    return "\n".join(notes)


@pytest.mark.parametrize(("moved", "told"), [(0, False), (30, True)])
def test_marks_in_the_middle_of_a_movement_are_told(moved: int, told: bool) -> None:
    assert ("observations go on across the end marks of data.hdf5" in doubts(walks(moved))) == told


@pytest.mark.parametrize(("limit", "told"), [(LENGTH, False), (LENGTH - 1, True)])
def test_episodes_beyond_the_time_limit_are_told(limit: int, told: bool) -> None:
    words = "20 of 20 episodes of data.hdf5 are longer than the time limit of 99 steps"
    assert (words in doubts(walks(), time_limit=limit)) == told


def test_steps_after_the_last_end_mark_are_told(tmp_path: Path) -> None:
    notes: list[str] = []
    path = write_hdf5(tmp_path / "data.hdf5", d4rl_columns())
    assert sum(map(len, read_d4rl(path, 1000, notes))) == 8
    assert "2 of 10 steps (20.0 %) come after the last end mark and are left out" in notes[0]
