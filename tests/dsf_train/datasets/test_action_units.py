"""Actions of a dataset in whatever unit, brought into −1 … 1 or refused."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from dsf_common.errors import UserError
from dsf_train.datasets import DatasetOptions, locate_dataset, open_dataset
from dsf_train.datasets.demonstrations import NORMALISED, ORIGIN, RECORDED_EARLIER, UNIT_OF_ACTIONS
from dsf_train.run_options import training_config
from neuro_runtime.action_bounds import ActionBounds
from neuro_runtime.environments import EnvironmentSpec, load_environment_spec
from support.small_datasets import STEPS, d4rl_columns, write_hdf5

TORQUES = np.linspace(-2, 2, STEPS, dtype=np.float32)[:, None]
USED = slice(0, 8)  # of two whole episodes


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSF_CACHE", str(tmp_path / "cache"))


def pendulum_file(folder: Path, actions: Any = TORQUES, **columns: Any) -> Path:
    observations = np.random.default_rng(0).standard_normal((STEPS, 3)).astype(np.float32)
    return write_hdf5(folder / "data.hdf5", d4rl_columns(observations=observations, actions=actions, **columns))


def pendulum(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> EnvironmentSpec:
    """A pendulum of one's own, whose file says nothing of actions."""
    monkeypatch.setenv("DSF_ENVIRONMENTS", str(folder))
    content = {
        "gymnasium_id": "Pendulum-v1", "time_limit": 200, "observation_size": 3, "action_size": 1, "reference_min": 0,
        "reference_max": 1, "return_targets": [1], "return_scale": 1,
    }  # fmt: skip
    (folder / "mine.yaml").write_text(yaml.safe_dump(content | changes))
    return load_environment_spec("mine")


def test_actions_are_rescaled_by_the_environments_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    columns = open_dataset(pendulum(tmp_path, monkeypatch), pendulum_file(tmp_path))
    np.testing.assert_allclose(columns.actions, TORQUES[USED] / 2)
    assert columns.action_bounds == ActionBounds((-2.0,), (2.0,))
    assert "does not say the bounds of its actions: −2 … 2 is assumed, as mine takes them" in caplog.text


def test_given_bounds_are_the_policys_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    file = pendulum_file(tmp_path, actions=0.3 * TORQUES)
    given = training_config(["env=pendulum", "action_low=-0.6", "action_high=0.6"]).dataset_options
    columns = open_dataset(load_environment_spec("pendulum"), file, given)
    np.testing.assert_allclose(columns.actions, TORQUES[USED] / 2, rtol=1e-6)
    assert columns.action_bounds == ActionBounds((-0.6,), (0.6,))
    assert "assumed" not in caplog.text


@pytest.mark.parametrize(
    "said", [{UNIT_OF_ACTIONS: NORMALISED}, {ORIGIN: next(iter(RECORDED_EARLIER)).decode()}], ids=str
)
def test_a_file_of_ours_is_normalised(tmp_path: Path, said: dict[str, str]) -> None:
    """It says so, or is the one that earlier releases recorded."""
    file = pendulum_file(tmp_path, TORQUES / 2, **said)
    columns = open_dataset(load_environment_spec("pendulum"), file)
    np.testing.assert_allclose(columns.actions, TORQUES[USED] / 2)
    assert columns.action_bounds == ActionBounds((-2.0,), (2.0,))


@pytest.mark.parametrize("as_text", [True, False])
def test_minari_states_the_bounds(tmp_path: Path, as_text: bool) -> None:
    observations = np.zeros((5, 3))
    content = {
        "episode_0/observations": observations, "episode_0/actions": TORQUES[:4], "episode_0/rewards": np.ones(4),
    }  # fmt: skip
    folder = tmp_path / "minari"
    write_hdf5(folder / "data" / "main_data.hdf5", content)
    space: Any = {"type": "Box", "dtype": "float32", "shape": [1], "low": [-4.0], "high": [4.0]}
    metadata = {"action_space": json.dumps(space) if as_text else space}
    (folder / "data" / "metadata.json").write_text(json.dumps(metadata))
    columns = open_dataset(load_environment_spec("pendulum"), folder)
    np.testing.assert_allclose(columns.actions, TORQUES[:4] / 4)
    assert columns.action_bounds == ActionBounds((-4.0,), (4.0,))


def test_actions_beyond_the_bounds_are_counted_and_refused(tmp_path: Path) -> None:
    actions = TORQUES.copy()
    actions[5:7] = [[2.5], [-7.0]]
    words = r"2 of 8 actions beyond −2 … 2, the first in step 1 of episode 1, the largest -7; .*action_low="
    spec = load_environment_spec("pendulum")
    with pytest.raises(UserError, match=words):
        open_dataset(spec, pendulum_file(tmp_path, actions))
    with pytest.raises(UserError, match=words):  # nothing is kept of the first attempt
        open_dataset(spec, pendulum_file(tmp_path, actions))


def test_d4rls_own_files_are_clipped_as_its_environments_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("D4RL_DATASET_DIR", str(tmp_path))
    spec = load_environment_spec("hopper-m")
    write_hdf5(tmp_path / Path(spec.d4rl_file).name, d4rl_columns(actions=np.full((STEPS, 3), 1.5, np.float32)))
    assert locate_dataset(spec).kind == "d4rl"
    assert (open_dataset(spec).actions == 1).all()
    assert "8 of 8 actions beyond −1 … 1" in caplog.text
    with pytest.raises(UserError, match="8 of 8 actions beyond"):  # a file that somebody names is no copy of D4RL's
        open_dataset(spec, tmp_path / Path(spec.d4rl_file).name)


def test_actions_that_use_little_of_their_bounds_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    open_dataset(load_environment_spec("pendulum"), pendulum_file(tmp_path, 0.1 * TORQUES))
    assert "reach 10 % of their bounds, −2 … 2" in caplog.text


def test_bounds_are_refused_for_a_file_that_says_its_unit(tmp_path: Path) -> None:
    file, given = pendulum_file(tmp_path, **{UNIT_OF_ACTIONS: NORMALISED}), DatasetOptions(ActionBounds.unit(1))
    with pytest.raises(UserError, match="says itself what its actions are; leave out action_low and action_high"):
        open_dataset(load_environment_spec("pendulum"), file, given)


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (["action_low=-1"], "go together"),
        (["action_low=-1", "action_high=x"], "action_high=x must be a number"),
        (["action_low=1", "action_high=-1"], "cannot be from 1 to -1"),
    ],
)
def test_options_that_are_no_bounds(pairs: list[str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        _ = training_config(["env=pendulum", *pairs]).dataset_options


def test_bounds_of_another_number_of_actions(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="action_low and action_high bound 2 actions, pendulum has 1"):
        open_dataset(
            load_environment_spec("pendulum"), pendulum_file(tmp_path), DatasetOptions(ActionBounds((-1, -1), (1, 1)))
        )
