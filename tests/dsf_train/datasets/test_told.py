"""Everything in a dataset that is not as it should be is told, in steps and per cent, and what follows from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsf_train.command_data import main
from dsf_train.datasets.best import best_episodes
from dsf_train.training_state import with_targets_of
from neuro_runtime.environments import load_environment_spec
from support.recorded_trajectories import flat, trajectories, write_flat
from support.small_datasets import opened

STEPS = 2000


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSF_CACHE", str(tmp_path / "cache"))


def marks(*steps: int) -> np.ndarray:
    values = np.zeros(STEPS, dtype=bool)
    values[list(steps)] = True
    return values


def whole(**changes: Any) -> dict[str, Any]:
    """Ten episodes of 200 steps, the pendulum's time limit."""
    return flat(trajectories([200] * 10), **changes)


def interleaved(environments: int) -> dict[str, Any]:
    """The steps of several environments, time by time."""
    made = trajectories([200] * environments)
    columns = {name: np.stack([one[name][:200] for one in made], axis=1) for name in made[0]}
    ends = np.zeros((200, environments), dtype=bool)
    ends[-1] = True
    columns |= {"terminals": np.zeros_like(ends), "timeouts": ends}
    return {name: values.reshape(200 * environments, *values.shape[2:]) for name, values in columns.items()}


DOUBTFUL: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "an unfinished last episode": (
        lambda: whole(timeouts=None, dones=marks(*range(199, 1800, 200))),
        "200 of 2,000 steps (10.0 %) come after the last end mark and are left out; unfinished=keep keeps them",
    ),
    "one end mark": (
        lambda: whole(terminals=marks(500), timeouts=None, truncations=marks()),
        "1,499 of 2,000 steps (75.0 %) come after the last end mark and are left out",
    ),
    "no timeouts": (
        lambda: whole(timeouts=None),
        "has no timeouts: episodes end at terminals and after 200 steps, as 10 do; those that were reset before are",
    ),
    "a reset that no timeout marks": (
        lambda: flat(trajectories([120, 80] * 10, apart=10), timeouts=None),
        "jump at 10 steps within 10 episodes, the first after step 119 of episode 0, as at a reset: do end marks lack",
    ),
    "a jump within an episode": (
        lambda: flat(trajectories([100] * 20, apart=10)) | {"timeouts": marks(*range(199, 2000, 200))},
        "jump at 10 steps within 10 episodes",
    ),
    "beyond the time limit": (
        lambda: whole(timeouts=marks(999, 1999)), "2 of 2 episodes of {path} are longer than the time limit of 200"
    ),
    "no reward": (
        lambda: whole(rewards=np.zeros(STEPS)),
        "every reward of {path} is 0: nothing tells a good action from a bad one",
    ),
    "one reward out of proportion": (
        lambda: whole(rewards=np.where(np.arange(STEPS) == 1234, 1e30, whole()["rewards"])),
        "a reward of {path} is 1e+30, in step 34 of episode 6, and the others are",
    ),
    "a mark for no reading": (
        lambda: whole(observations=np.where(np.arange(STEPS)[:, None] % 37 == 5, -999, whole()["observations"])),
        "observation 0 of {path} is -999 in 54 steps, and within a range of",
    ),
    "rewards in another unit": (
        lambda: whole(rewards=1e6 * whole()["rewards"]), "times what those of pendulum are divided by, 1000: is the"
    ),
    "equal returns": (lambda: whole(rewards=np.ones(STEPS)), "every episode of {path} returns 200: nothing tells"),
    "one episode": (lambda: flat(trajectories([200])), "holds one episode"),
    "few steps": (
        lambda: flat(trajectories()), "holds 90 steps, 0.1 % of the 60,000 of pendulum's own data: scores do not"
    ),
    "flags that say the contrary": (
        lambda: whole(timeouts=~marks(*range(199, 2000, 200))), "100 % of the steps of {path} end an episode: are its"
    ),
    "an end on every step": (
        lambda: whole(timeouts=marks(*range(2000))), "100 % of the steps of {path} end an episode: are its"
    ),
    "environments mixed": (lambda: interleaved(8), "the steps of 8 environments seem to be mixed"),
    "a constant column": (
        lambda: whole(observations=whole()["observations"] * [1, 0, 1]), "observation 1 is 0 in every step"
    ),
    "a column in another unit": (
        lambda: whole(observations=whole()["observations"] * [1, 1, 1e6]), "varies"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DOUBTFUL)
def test_a_doubt_is_told_by_info_training_and_model(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    make, words = DOUBTFUL[case]
    path = write_flat(tmp_path / "data.hdf5", make())
    words = words.format(path=path)
    assert main(["info", str(path), "env=pendulum", "--json"]) == 0
    assert any(words in doubt for doubt in json.loads(capsys.readouterr().out)["doubts"])
    notes = opened(path).notes
    assert any(words in note for note in notes)
    assert words in caplog.text


def test_data_as_they_should_be_raise_no_doubt_but_their_number(tmp_path: Path) -> None:
    notes = opened(write_flat(tmp_path / "data.hdf5", whole())).notes
    assert [note for note in notes if "bounds" not in note and "own data" not in note] == []


@pytest.mark.parametrize(
    ("changes", "lengths"),
    [
        ({"terminals": marks(999), "timeouts": marks(999, 1999)}, [1000, 1000]),
        ({"terminals": marks(*range(STEPS)), "timeouts": None}, [1] * STEPS),
        ({"timeouts": marks(999, 1999).astype(np.float64)[:, None]}, [1000, 1000]),
        ({"timeouts": marks(999, 1999).astype(np.float32)}, [1000, 1000]),
        ({"timeouts": marks(999, 1999).astype(np.uint8)}, [1000, 1000]),
    ],
    ids=["both in one step", "one-step episodes", "floats, (N, 1)", "float32", "uint8"],
)
def test_marks_of_every_kind_end_episodes(changes: dict[str, Any], lengths: list[int], tmp_path: Path) -> None:
    columns = opened(write_flat(tmp_path / "data.hdf5", whole(**changes)))
    assert np.diff(columns.ends, prepend=0).tolist() == lengths


@pytest.mark.parametrize("kind", [np.float16, np.float64, np.int8, np.int64, np.uint8, np.bool_])
def test_rewards_of_every_type_are_summed_alike(kind: Any, tmp_path: Path) -> None:
    rewards = np.arange(STEPS) % 2
    columns = opened(write_flat(tmp_path / "data.hdf5", whole(rewards=rewards.astype(kind))))
    assert columns.returns.tolist() == [100.0] * 10


@pytest.mark.parametrize("value", [2.0, -1.0, 0.5])
def test_a_flag_that_is_none_is_refused(value: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_flat(tmp_path / "data.hdf5", whole(timeouts=value * marks(3)))
    assert main(["info", str(path), "env=pendulum"]) == 2
    assert f"has timeouts of {value:g}; a flag is 0 or 1" in capsys.readouterr().err


def unfinished_file(folder: Path) -> Path:
    """Nine episodes of 200 steps and 200 steps without an end mark, whose return seems the best: −1 a step, then 0."""
    rewards = np.where(np.arange(STEPS) < 1800, -1.0, -0.1) * (1 + np.arange(STEPS) // 200 / 100)
    return write_flat(folder / "data.hdf5", whole(timeouts=marks(*range(199, 1800, 200)), rewards=rewards))


def test_unfinished_steps_are_kept_without_a_return(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = unfinished_file(tmp_path)
    columns = opened(path, "unfinished=keep")
    assert (len(columns), columns.finished.tolist()) == (STEPS, [True] * 9 + [False])
    assert any(
        "200 of 2,000 steps (10.0 %) come after the last end mark and are kept as 1 unfinished episode, without a "
        "return" in note
        for note in columns.notes
    )
    assert len(opened(path)) == 1800
    assert main(["info", str(path), "env=pendulum", "unfinished=keep", "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert (info["episodes"], info["steps"]) == (10, STEPS)
    assert max(info["return_quantiles"]) == pytest.approx(-200)


def test_an_unfinished_episode_is_no_example_and_no_target(tmp_path: Path) -> None:
    columns = opened(unfinished_file(tmp_path), "unfinished=keep")
    assert best_episodes(columns, 0.1).tolist() == [0]
    spec = with_targets_of(columns, load_environment_spec("pendulum"))
    assert list(spec.return_targets) == pytest.approx([-200])


def test_unfinished_steps_beyond_the_time_limit_are_cut_at_it(tmp_path: Path) -> None:
    path = write_flat(tmp_path / "data.hdf5", whole(timeouts=marks(199)))
    columns = opened(path, "unfinished=keep")
    assert np.diff(columns.ends, prepend=0).tolist() == [200] * 10
    assert columns.finished.sum() == 1


def test_a_file_without_any_mark_can_be_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_flat(tmp_path / "data.hdf5", whole(timeouts=marks()))
    assert main(["info", str(path), "env=pendulum"]) == 2
    assert "unfinished=keep takes steps without an end mark" in capsys.readouterr().err
    assert len(opened(path, "unfinished=keep")) == STEPS
