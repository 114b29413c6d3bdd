"""The T-maze's demonstrations: a fifth of the turns is wrong, and the return says which."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dsf_common.errors import UserError
from dsf_models.configuration import Surrogate
from dsf_train.command_data import main as dsf_data
from dsf_train.command_train import main as dsf_train
from dsf_train.datasets import Episode, find_dataset
from dsf_train.datasets.demonstrations import DEMONSTRATORS, record_demonstrations
from dsf_train.datasets.t_maze import T_MAZE
from dsf_train.run_options import training_config
from neuro_runtime.environments import load_environment_spec
from support.small_datasets import read_d4rl


def record(path: Path, episodes: int) -> list[Episode]:
    spec = load_environment_spec("t-maze-6")
    record_demonstrations(spec, path, episodes, seed=0)
    return list(read_d4rl(path, spec.time_limit))


def test_a_fifth_is_wrong_and_earns_nothing(tmp_path: Path) -> None:
    episodes = record(tmp_path / "data.hdf5", 400)
    assert {len(episode) for episode in episodes} == {7}
    assert {episode.total for episode in episodes} == {0.0, 1.0}
    assert np.mean([episode.total for episode in episodes]) == pytest.approx(0.8, abs=0.06)
    for episode in episodes:
        right = episode.observations[0, 0] * episode.actions[-1, 0] > 0
        assert episode.total == float(right)
        assert np.abs(episode.actions[:-1]).max() <= 0.5


def test_actions_are_noisy_so_that_the_last_gives_nothing_away(tmp_path: Path) -> None:
    actions = np.array([episode.actions[:, 0] for episode in record(tmp_path / "data.hdf5", 200)])
    assert actions[:, :-1].std() == pytest.approx(0.1, rel=0.1)
    assert abs(np.corrcoef(actions[:, 0], actions[:, -1])[0, 1]) < 0.2


@pytest.mark.parametrize("length", [2, 30, 100])
def test_the_recipe_reaches_back_to_the_cue(length: int) -> None:
    config = training_config([f"env=t-maze-{length}"])
    config.validate()
    assert (config.model.context, config.model.window) == (length + 2, length + 1)
    assert config.whole_episodes
    assert not config.model.previous_action
    assert config.model.surrogate is not Surrogate.published  # with which no attention remembers the cue


@pytest.mark.parametrize("kind", ["decision-transformer", "fcnet", "mlp", "spiking-mlp"])
def test_other_kinds_have_windows_of_whole_episodes_too(kind: str) -> None:
    config = training_config(["env=t-maze-200", f"model.kind={kind}"])
    config.validate()
    assert (config.whole_episodes, config.model.context) == (True, 202)
    assert training_config(["env=t-maze-200", f"model.kind={kind}", "model.context=30"]).model.context == 30
    fitting = training_config(["env=t-maze-10", f"model.kind={kind}"])
    assert fitting.model.context == {"decision-transformer": 20, "fcnet": 100}.get(kind, 12)
    published = training_config(["env=t-maze-200", f"model.kind={kind}", "whole_episodes=false"])
    assert published.model.context == {"decision-transformer": 20, "fcnet": 100}.get(kind, 202)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (10**22, "environment t-maze-10000000000000000000000: 10000000000000000000000 is too large"),
        (10**9, "recording the dataset of t-maze-1000000000 takes at least"),
    ],
)
def test_a_corridor_that_no_machine_can_walk_is_refused(
    length: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DSF_CACHE", str(tmp_path))
    assert dsf_data(["info", f"t-maze-{length}"]) == 2
    assert words in capsys.readouterr().err


def test_a_policy_is_trained_for_any_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(DEMONSTRATORS, "neuro_runtime.environments.t_maze:TMaze-v0", replace(T_MAZE, episodes=20))
    short = ["steps=2", "batch_size=4", "final_episodes=2", "model.embedding_size=8"]
    assert dsf_train(["env=t-maze-3", *short]) == 0
    assert Path("runs/t-maze-3/default/model.pt").exists()
    found = find_dataset(load_environment_spec("t-maze-3"))
    assert found is not None
    assert found.kind == "generated"


def test_a_recording_says_its_environment_whatever_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for length in (10, 105):
        path = tmp_path / f"mine-{length}.hdf5"
        record_demonstrations(load_environment_spec(f"t-maze-{length}"), path, 3, seed=0)
        assert dsf_data(["info", str(path)]) == 0
        assert capsys.readouterr().out.startswith(f"t-maze-{length}, ")
    assert dsf_data(["info", str(path.rename(tmp_path / "t-maze-10-mine.hdf5"))]) == 0
    assert capsys.readouterr().out.startswith("t-maze-105, ")


def test_nobody_demonstrates_an_environment_of_ones_own(tmp_path: Path) -> None:
    spec = replace(load_environment_spec("pendulum"), name="mine", gymnasium_id="CartPole-v1")
    with pytest.raises(UserError, match="nobody demonstrates CartPole-v1"):
        record_demonstrations(spec, tmp_path / "data.hdf5", 3, seed=0)
