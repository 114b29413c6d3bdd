"""Reading datasets: every variant of D4RL's files, Minari's, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from dsf_common.errors import UserError
from dsf_train.datasets import find_dataset
from dsf_train.datasets.minari import read_minari
from dsf_train.datasets.reading import Reading
from neuro_runtime.environments import load_environment_spec
from support.small_datasets import STEPS, d4rl_columns, flags, load_episodes, read_d4rl, write_hdf5, write_minari

HOPPER = load_environment_spec("hopper-m")

VARIANTS: dict[str, dict[str, Any]] = {
    "v2 MuJoCo": {
        "next_observations": np.zeros((STEPS, 11), dtype=np.float32),
        "infos/qpos": np.zeros((STEPS, 6)),
        "infos/action_log_probs": np.zeros(STEPS),
        "metadata/algorithm": "SAC",
        "metadata/iteration": 3,
    },
    "v1 Adroit": {"infos/qvel": np.zeros((STEPS, 30)), "infos/obj_pos": np.zeros((STEPS, 3))},
    "float64 replay": {"observations": d4rl_columns()["observations"].astype(np.float64)},
    "old rewards": {"rewards": np.arange(STEPS, dtype=np.float32)[:, None]},
    "old flags": {"terminals": flags(3)[:, None], "timeouts": flags(7)[:, None]},
    "float flags": {"terminals": flags(3).astype(np.float32)},
    "both at the end": {"timeouts": flags(3, 7)},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_gives_the_same_episodes(variant: str, tmp_path: Path) -> None:
    episodes = load_episodes(HOPPER, write_hdf5(tmp_path / "data.hdf5", d4rl_columns(**VARIANTS[variant])))
    assert [len(episode) for episode in episodes] == [4, 4]
    assert episodes[1].rewards.tolist() == [4, 5, 6, 7]
    assert episodes[1].total == 22
    assert np.array_equal(episodes[0].observations, d4rl_columns()["observations"][:4])
    assert np.array_equal(episodes[1].actions, d4rl_columns()["actions"][4:8])
    assert {values.dtype for episode in episodes for values in vars(episode).values()} == {np.dtype(np.float32)}


def test_human_data_without_terminals_end_at_timeouts(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "data.hdf5", d4rl_columns(terminals=flags()))
    assert [len(episode) for episode in read_d4rl(path, 1000)] == [8]


def test_files_without_timeouts_end_at_the_time_limit(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "data.hdf5", d4rl_columns(timeouts=None))
    assert [len(episode) for episode in read_d4rl(path, time_limit=3)] == [3, 1, 3, 3]


def one_nan(*shape: int) -> NDArray[np.float32]:
    values = np.zeros(shape, dtype=np.float32)
    values.flat[-7] = np.nan  # in the second episode
    return values


BAD_D4RL: dict[str, tuple[dict[str, Any], str]] = {
    "no rewards": ({"rewards": None}, "no rewards"),
    "no actions or terminals": ({"actions": None, "terminals": None, "timeouts": None}, "no actions or terminals"),
    "short actions": ({"actions": np.zeros((4, 3), dtype=np.float32)}, "10 observations but 4 actions"),
    "long timeouts": ({"timeouts": np.zeros(20, dtype=bool)}, "10 observations but 20 timeouts"),
    "wide rewards": ({"rewards": np.zeros((STEPS, 2))}, r"rewards of shape \(10, 2\), not one a step"),
    "wide terminals": ({"terminals": np.zeros((STEPS, 2), dtype=bool)}, r"terminals of shape \(10, 2\)"),
    "text actions": ({"actions": np.array([b"left"] * STEPS)}, "no numbers"),
    "complex actions": ({"actions": np.zeros((STEPS, 3), dtype=complex)}, "no numbers"),
    "one number": ({"actions": 3.0}, "no numbers, one row a step"),
    "a group": ({"actions": {}}, "has a group called actions where a column must be"),
    "empty parts": ({"observations": {}}, "has a group called observations where a column must be"),
    "a type": ({"rewards": np.dtype("f4")}, "has a type of HDF5 called rewards where a column must be"),
    "flat observations": ({"observations": np.zeros(STEPS)}, r"observations of shape \(\)"),
    "pictures": ({"observations": np.zeros((STEPS, 8, 8, 3))}, r"observations of shape \(8, 8, 3\)"),
    "other observations": ({"observations": np.zeros((STEPS, 45))}, r"\(45,\), the environment's are \(11,\)"),
    "other actions": ({"actions": np.zeros((STEPS, 6))}, "another environment"),
    "no end": ({"terminals": flags(), "timeouts": flags()}, "no whole episode"),
    "no step": ({name: values[:0] for name, values in d4rl_columns().items()}, "holds no step"),
    "a reward that is no number": (
        {"rewards": one_nan(STEPS)},
        "rewards in episode 0 that are not finite, the first",
    ),
    "a state that is no number": ({"observations": one_nan(STEPS, 11)[::-1]}, "observations in episode 0"),
    "too large for float32": ({"actions": np.full((STEPS, 3), 1e300)}, "actions in episode 0 that are not finite"),
}


@pytest.mark.parametrize("case", BAD_D4RL)
def test_bad_columns_get_one_sentence(case: str, tmp_path: Path) -> None:
    changes, message = BAD_D4RL[case]
    path = write_hdf5(tmp_path / "data.hdf5", d4rl_columns(**changes))
    with pytest.raises(UserError, match=message):
        load_episodes(HOPPER, path)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut short": lambda whole: whole[: len(whole) // 2],
    "random": lambda whole: np.random.default_rng(0).bytes(999),
    "empty": lambda whole: b"",
    "a web page": lambda whole: b"<!doctype html><title>404 Not Found</title>",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_get_one_sentence(damage: str, tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "data.hdf5", d4rl_columns())
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(UserError, match="no readable HDF5 dataset"):
        load_episodes(HOPPER, path)


def test_files_overwritten_anywhere_are_read_or_refused(tmp_path: Path) -> None:
    whole = write_hdf5(tmp_path / "data.hdf5", d4rl_columns()).read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(40):
        start = int(rng.integers(len(whole) - 64))
        (tmp_path / "data.hdf5").write_bytes(whole[:start] + rng.bytes(64) + whole[start + 64 :])
        with suppress(UserError):
            load_episodes(HOPPER, tmp_path / "data.hdf5")


def test_missing_file_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no dataset"):
        load_episodes(HOPPER, tmp_path / "data.hdf5")


def test_minari_episodes_come_in_recorded_order(tmp_path: Path) -> None:
    episodes = load_episodes(HOPPER, write_minari(tmp_path, 11))
    assert [int(episode.observations[0, 0]) for episode in episodes] == list(range(11))
    assert {len(episode) for episode in episodes} == {4}


@pytest.mark.filterwarnings("ignore:`?[a-z_]*`? is:UserWarning:minari")
def test_minari_reads_what_minari_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    import minari
    from gymnasium.spaces import Box
    from minari.data_collector import EpisodeBuffer

    rng = np.random.default_rng(1)
    observations = rng.standard_normal((2, 6, 11))
    actions = rng.uniform(-1, 1, (2, 5, 3)).astype(np.float32)
    buffers = [
        EpisodeBuffer(
            observations=observations[n],
            actions=actions[n],
            rewards=np.arange(5.0),
            terminations=np.zeros(5, dtype=bool),
            truncations=np.array([False] * 4 + [True]),
        )
        for n in range(2)
    ]
    minari.create_dataset_from_buffers(
        dataset_id="mujoco/hopper/medium-v0",
        buffer=buffers,
        observation_space=Box(-np.inf, np.inf, (11,)),
        action_space=Box(-1, 1, (3,)),
    )
    location = find_dataset(HOPPER)
    assert location
    assert location.kind == "minari"
    episodes = load_episodes(HOPPER)
    assert np.allclose(episodes[1].observations, observations[1, :5])
    assert np.allclose(episodes[1].actions, actions[1])


BAD_MINARI: dict[str, tuple[dict[str, Any], str]] = {
    "short actions": ({"episode_1__actions": np.zeros((2, 3))}, "episode 1, has 4 rewards, 2 actions, 5 observations"),
    "no rewards": ({"episode_1__rewards": None}, "no readable Minari dataset"),
    "other observations": ({"episode_1__observations": np.zeros((5, 45))}, "another environment"),
    "in parts": ({"episode_0__observations": {}}, "observations in parts"),
    "no number": ({"episode_1__actions": one_nan(4, 3)}, "actions in episode 1 that are not finite"),
    "text": ({"episode_1__actions": np.array([b"left"] * 4)}, "actions that are no numbers"),
    "no step": (
        {"episode_1__actions": np.zeros((0, 3)), "episode_1__rewards": [], "episode_1__observations": [[0.0] * 11]},
        "no step in episode 1",
    ),
}


@pytest.mark.parametrize("case", BAD_MINARI)
def test_bad_minari_episodes_get_one_sentence(case: str, tmp_path: Path) -> None:
    changes, message = BAD_MINARI[case]
    with pytest.raises(UserError, match=message):
        load_episodes(HOPPER, write_minari(tmp_path, **changes))


def test_minari_without_episodes_or_data_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no whole episode"):
        load_episodes(HOPPER, write_minari(tmp_path / "none", 0))
    with pytest.raises(UserError, match="no Minari dataset"):
        list(read_minari(tmp_path, Reading.of(HOPPER)))


def test_cut_minari_file_gets_one_sentence(tmp_path: Path) -> None:
    path = write_minari(tmp_path) / "data" / "main_data.hdf5"
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(UserError, match="no readable Minari dataset"):
        list(read_minari(tmp_path, Reading.of(HOPPER)))


def test_reading_leaves_the_file_alone(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "data.hdf5", d4rl_columns())
    path.chmod(0o400)
    before = path.read_bytes()
    load_episodes(HOPPER, path)
    assert path.read_bytes() == before
    with h5py.File(path, "r") as file:
        assert set(file) == set(d4rl_columns())


def test_a_hidden_task_takes_its_columns_of_the_whole_data(tmp_path: Path) -> None:
    whole = write_hdf5(tmp_path / "whole.hdf5", d4rl_columns())
    cut = write_hdf5(tmp_path / "cut.hdf5", d4rl_columns(observations=d4rl_columns()["observations"][:, :5]))
    everything = load_episodes(load_environment_spec("hopper-m-e"), whole)
    for path in (whole, cut):
        hidden = load_episodes(load_environment_spec("hopper-hidden"), path)
        for seen, full in zip(hidden, everything, strict=True):
            assert np.array_equal(seen.observations, full.observations[:, :5])
            assert np.array_equal(seen.actions, full.actions)
            assert np.array_equal(seen.rewards, full.rewards)


@pytest.mark.parametrize("width", [4, 0])
def test_a_hidden_task_refuses_data_without_its_columns(tmp_path: Path, width: int) -> None:
    path = write_hdf5(tmp_path / "other.hdf5", d4rl_columns(observations=np.zeros((10, width), np.float32)))
    with pytest.raises(UserError, match=r"observations of shape \(\d,\), the environment's are \(5,\)"):
        load_episodes(load_environment_spec("hopper-hidden"), path)
