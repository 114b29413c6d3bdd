"""Columns on disk: the same batches as from arrays in memory, of every layout, converted once."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_models.checkpoint import Normalisation
from dsf_train.datasets import Episode, locate_dataset, open_dataset
from dsf_train.datasets.columns import columns_folder
from dsf_train.sampling import Batch, TokenWindows, normalisation_of
from neuro_runtime.environments import EnvironmentSpec, load_environment_spec
from support.small_datasets import (
    columns_of,
    d4rl_columns,
    load_episodes,
    random_episodes,
    read_d4rl,
    write_hdf5,
    write_minari,
)

HOPPER = load_environment_spec("hopper-m")


class InMemory:
    """The plain form: every window is cut out of arrays of all steps."""

    def __init__(self, episodes: list[Episode], normalisation: Normalisation, context: int) -> None:
        self._context = context
        states = np.concatenate([episode.observations for episode in episodes])
        self._columns = [
            (states.astype(np.float64) - normalisation.state_mean) / normalisation.state_std,
            np.concatenate([np.concatenate([0 * one.actions[:1], one.actions[:-1]]) for one in episodes]),
            np.concatenate([self._returns(one) / normalisation.return_scale for one in episodes]).astype(np.float32),
            np.concatenate([episode.actions for episode in episodes]),
        ]
        self._ages = np.concatenate([np.arange(len(episode)) for episode in episodes])

    @staticmethod
    def _returns(episode: Episode) -> NDArray[np.float64]:
        return np.cumsum(episode.rewards[::-1], dtype=np.float64)[::-1, None]

    def windows(self, last: NDArray[np.int64]) -> Batch:
        """Token by token."""
        mask = np.zeros((len(last), self._context), bool)
        steps = np.zeros((len(last), self._context), np.int64)
        columns = [np.zeros((*mask.shape, column.shape[1]), np.float32) for column in self._columns]
        for row, end in enumerate(last):
            for back in range(min(self._context, int(self._ages[end]) + 1)):
                place = row, self._context - 1 - back
                mask[place], steps[place] = True, self._ages[end - back]
                for taken, column in zip(columns, self._columns, strict=True):
                    taken[place] = column[end - back]
        return Batch(*map(torch.from_numpy, (*columns, mask, steps)))


def assert_same(first: Batch, second: Batch) -> None:
    for name, tensor in vars(first).items():
        other = getattr(second, name)
        assert tensor.dtype == other.dtype, name
        assert torch.equal(tensor, other), name


def test_batches_are_those_of_arrays_in_memory_bit_for_bit(tmp_path: Path) -> None:
    episodes = random_episodes([7, 1, 40, 3, 25])
    dataset = columns_of(episodes, tmp_path / "data")
    normalisation = normalisation_of(dataset, 30.0)
    windows, plain = TokenWindows(dataset, normalisation, 5), InMemory(episodes, normalisation, 5)
    assert len(windows) == len(dataset) == 76
    everything = np.arange(76)
    assert_same(windows.windows(everything), plain.windows(everything))
    chosen = np.random.default_rng([3, 17]).integers(76, size=32)
    assert_same(windows.batch(3, 17, 32), plain.windows(chosen))
    assert_same(windows.batch(3, 17, 32, slice(8, 20)), plain.windows(chosen[8:20]))
    for step, batch in windows.ahead(3, range(15, 19), 32):
        assert_same(batch, windows.batch(3, step, 32))


def test_statistics_in_one_pass_are_those_of_all_states(tmp_path: Path) -> None:
    episodes = random_episodes([7, 1, 40, 3, 25])
    states = np.concatenate([episode.observations for episode in episodes]).astype(np.float64)
    mean, std = columns_of(episodes, tmp_path / "data").state_moments
    assert np.allclose(mean, states.mean(axis=0), rtol=1e-12)
    assert np.allclose(std, states.std(axis=0), rtol=1e-12)


def test_every_layout_passes_through_the_same_columns(tmp_path: Path) -> None:
    cases: list[tuple[EnvironmentSpec, Path | None]] = [
        (HOPPER, write_hdf5(tmp_path / "data.hdf5", d4rl_columns())),
        (HOPPER, write_minari(tmp_path / "minari")),
        (load_environment_spec("pendulum"), None),
        (load_environment_spec("hopper-hidden"), tmp_path / "data.hdf5"),
    ]
    for spec, path in cases:
        dataset, episodes = open_dataset(spec, path), load_episodes(spec, path)
        assert np.array_equal(dataset.observations, np.concatenate([one.observations for one in episodes]))
        assert np.array_equal(dataset.actions, np.concatenate([one.actions for one in episodes]))
        assert np.diff(dataset.ends, prepend=0).tolist() == list(map(len, episodes))


def test_columns_lie_on_disk_and_are_converted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_hdf5(tmp_path / "data.hdf5", d4rl_columns())
    dataset = open_dataset(HOPPER, path)
    assert not dataset.observations.flags.owndata
    assert not dataset.observations.flags.writeable
    monkeypatch.setattr("dsf_train.datasets.read_location", None)
    open_dataset(HOPPER, path)
    with pytest.raises(TypeError):
        open_dataset(load_environment_spec("hopper-hidden"), path)  # other columns of the same file


def test_a_file_that_changed_is_converted_again(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "data.hdf5", d4rl_columns())
    before = open_dataset(HOPPER, path)
    write_hdf5(path, d4rl_columns(actions=np.ones((10, 3), np.float32)))
    assert open_dataset(HOPPER, path).actions.min() == 1
    assert before.actions.min() < 1


def test_a_refused_dataset_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSF_CACHE", str(tmp_path / "cache"))
    rewards = np.zeros(10, np.float32)
    rewards[6] = np.nan
    path = write_hdf5(tmp_path / "data.hdf5", d4rl_columns(rewards=rewards))
    with pytest.raises(UserError, match="rewards in episode 1 that are not finite"):
        open_dataset(HOPPER, path)
    assert not list((tmp_path / "cache" / "columns").iterdir())


def test_a_damaged_copy_gets_one_sentence(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "data.hdf5", d4rl_columns())
    open_dataset(HOPPER, path)
    actions = columns_folder(HOPPER, locate_dataset(HOPPER, path)) / "actions.npy"
    actions.write_bytes(actions.read_bytes()[:-8])
    with pytest.raises(UserError, match="damaged copy of a dataset; rename it"):
        open_dataset(HOPPER, path)


def test_a_cache_that_cannot_be_written_gets_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cache").write_text("in the way")
    monkeypatch.setenv("DSF_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UserError, match="DSF_CACHE"):
        open_dataset(HOPPER, write_hdf5(tmp_path / "data.hdf5", d4rl_columns()))


@pytest.mark.parametrize("block", [1, 3, 4, 5, 8, 100])
def test_blocks_of_any_size_give_the_same_episodes(block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsf_train.datasets.flat_record.BLOCK_STEPS", block)
    path = write_hdf5(tmp_path / "data.hdf5", d4rl_columns())
    episodes = list(read_d4rl(path, 1000))
    assert [len(episode) for episode in episodes] == [4, 4]
    with h5py.File(path) as file:
        assert np.array_equal(np.concatenate([episode.actions for episode in episodes]), file["actions"][:8])
