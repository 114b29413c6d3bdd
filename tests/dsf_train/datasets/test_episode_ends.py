"""Where a flat record is cut: at its ends, nowhere else, and never at a flag that is no flag."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from dsf_common.errors import UserError
from dsf_train.datasets.episode import Episode, cut_episodes
from neuro_runtime.environments import load_environment_spec
from support.small_datasets import load_episodes

HOPPER = load_environment_spec("hopper-m")


def cut(steps: int, ends: list[int]) -> list[Episode]:
    marks = np.zeros(steps, dtype=bool)
    marks[ends] = True
    return cut_episodes(np.zeros((steps, 2)), np.zeros((steps, 1)), np.arange(steps), marks)


@pytest.mark.parametrize(
    ("steps", "ends", "lengths"),
    [(0, [], []), (5, [], []), (5, [4], [5]), (5, [0], [1]), (6, [1, 4], [2, 3]), (3, [0, 1, 2], [1, 1, 1])],
)
def test_episodes_lie_between_ends(steps: int, ends: list[int], lengths: list[int]) -> None:
    assert [len(episode) for episode in cut(steps, ends)] == lengths


def hopper_file(path: Path, steps: int, terminals: np.ndarray, timeouts: np.ndarray) -> Path:
    with h5py.File(path, "w") as file:
        file["observations"], file["actions"] = np.zeros((steps, 11)), np.zeros((steps, 3))
        file["rewards"], file["terminals"], file["timeouts"] = np.zeros(steps), terminals, timeouts
    return path


@pytest.mark.parametrize(("steps", "words"), [(0, "holds no step: its columns have no rows"), (10, "no whole episode")])
def test_a_file_without_an_end_holds_no_episode(steps: int, words: str, tmp_path: Path) -> None:
    path = hopper_file(tmp_path / "data.hdf5", steps, np.zeros(steps), np.zeros(steps))
    with pytest.raises(UserError, match=words):
        load_episodes(HOPPER, path)


@pytest.mark.parametrize("damaged", ["terminals", "timeouts"])
def test_flags_that_are_not_finite_are_refused(damaged: str, tmp_path: Path) -> None:
    flags = {"terminals": np.zeros(10), "timeouts": np.zeros(10), damaged: np.full(10, np.nan)}
    path = hopper_file(tmp_path / "data.hdf5", 10, **flags)
    with pytest.raises(UserError, match=f"{damaged} that are not finite, the first in step 0; a flag"):
        load_episodes(HOPPER, path)
