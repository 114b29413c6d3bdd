"""Minari's datasets: by id, of their environment, in parts, with the traps of their formats."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from dsf_common.errors import UserError
from dsf_train.command_data import main
from dsf_train.run_options import training_config
from neuro_runtime.environments import make_environment
from neuro_runtime.environments import spec as spec_module
from support.recorded_trajectories import (
    Trajectory,
    box,
    describe_minari,
    trajectories,
    write_columnar,
    write_flat,
    write_minari,
)
from support.small_datasets import opened

MAZE = [[1, 1, 1, 1, 1], [1, "g", 0, 0, 1], [1, 1, 1, 0, 1], [1, "r", 0, 0, 1], [1, 1, 1, 1, 1]]
START = np.array([-4.0, -4.0])  # of that maze, from its middle, in m


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "root"))


def ant_maze(count: int = 3) -> list[dict[str, Any]]:
    """Walks of an ant that begin at the maze's start, in the parts of gymnasium-robotics, in the alphabet's order."""
    made = trajectories([12] * count, observation_size=29, action_size=8)
    return [
        {
            **one,
            "rewards": np.zeros(12),
            "observations": {
                "achieved_goal": START + one["observations"][:, :2],
                "desired_goal": np.zeros((13, 2)),
                "observation": one["observations"][:, 2:].astype(np.float64),
            },
        }
        for one in made
    ]


def environment(gymnasium_id: str, **options: Any) -> dict[str, Any]:
    return {"id": gymnasium_id, "kwargs": options, "max_episode_steps": 700}


def test_a_dataset_is_named_by_its_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_minari(tmp_path / "root" / "mine" / "swing" / "expert-v0", trajectories())
    assert len(opened("mine/swing/expert-v0")) == len(opened(folder)) == 90
    assert main(["info", "mine/swing/expert-v0", "env=pendulum"]) == 0
    assert "3 episodes, 90 steps" in capsys.readouterr().out


@pytest.mark.parametrize("call", [["info", "D4RL/door/none-v7"], ["info", "D4RL/door/none-v7", "env=door-e"]])
def test_an_id_that_is_not_here_says_how_it_is_fetched(call: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(call) == 2
    assert "`minari download D4RL/door/none-v7` fetches it" in capsys.readouterr().err
    with pytest.raises(UserError, match="minari download D4RL/door/none-v7"):
        opened("D4RL/door/none-v7", env="door-e")


def test_a_folder_of_several_datasets_names_them(tmp_path: Path) -> None:
    for name in ("a-v0", "b-v0"):
        write_minari(tmp_path / "mine" / name, trajectories())
    with pytest.raises(UserError, match=r"holds several Minari datasets; name one of .*a-v0, .*b-v0"):
        opened(tmp_path / "mine")


def test_the_environment_is_that_of_its_env_spec(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = box([-2.0], [2.0])
    folder = write_minari(tmp_path / "x", trajectories(), env_spec=environment("Pendulum-v1"), action_space=space)
    assert training_config([f"dataset={folder}"]).env == "Pendulum-v1"
    assert main(["info", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["environment"] == "Pendulum-v1"
    columns = opened(folder, env="Pendulum-v1")
    assert columns.action_bounds is not None
    assert columns.action_bounds.high == (2.0,)
    assert not any("bounds of its actions" in note for note in columns.notes)


def test_a_dataset_of_another_environment_is_told(tmp_path: Path) -> None:
    folder = write_minari(tmp_path / "x", trajectories(), env_spec=environment("Acrobot-v9"))
    assert any("was recorded in Acrobot-v9, and pendulum is Pendulum-v1" in note for note in opened(folder).notes)


@pytest.mark.parametrize(
    ("options", "told"), [({"g": 10.0}, False), ({"g": 3.7}, True), ({"g": 10.0, "render_mode": "rgb_array"}, False)]
)
def test_data_of_an_environment_with_other_options_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], told: bool
) -> None:
    import gymnasium

    monkeypatch.setitem(gymnasium.spec("Pendulum-v1").kwargs, "g", 10.0)
    folder = write_minari(tmp_path / "x", trajectories(), env_spec=environment("Pendulum-v1", **options))
    assert any("recorded with another g than that of pendulum" in note for note in opened(folder).notes) == told


def test_steps_that_its_metadata_know_and_it_lacks_are_told(tmp_path: Path) -> None:
    folder = write_minari(tmp_path / "x", trajectories())
    describe_minari(folder, total_steps=1000)
    notes = opened(folder).notes
    assert any("holds 90 steps, and its metadata say 1,000" in note for note in notes)


def test_end_marks_that_lack_or_come_early_are_told(tmp_path: Path) -> None:
    folder = write_minari(tmp_path / "x", trajectories())
    ends = {"terminations": np.zeros(30, bool), "truncations": np.arange(30) == 12}
    write_flat(
        folder / "data" / "main_data.hdf5",
        {f"episode_{number}": {**one, **ends} for number, one in enumerate(trajectories())},
    )
    notes = "\n".join(opened(folder).notes)
    assert "3 of 3 episodes" in notes
    assert "have no end mark at their last step" in notes
    assert "have an end mark before their last step" in notes


@pytest.mark.parametrize("of", ["env_spec", "no env_spec"])
def test_ant_maze_is_joined_as_its_environment_joins_it(tmp_path: Path, of: str) -> None:
    pytest.importorskip("gymnasium_robotics")
    made = ant_maze()
    described = {"env_spec": environment("AntMaze_UMaze-v4", maze_map=MAZE)} if of == "env_spec" else {}
    columns = opened(write_minari(tmp_path / "x", made, **described), env="antmaze-umaze")
    place = np.concatenate([one["observations"]["achieved_goal"][:-1] for one in made]) - START
    body = np.concatenate([one["observations"]["observation"][:-1] for one in made])
    np.testing.assert_allclose(columns.observations, np.concatenate([place, body], axis=1), atol=1e-6)
    with make_environment("antmaze-umaze") as env:
        observation, _ = env.reset(seed=0)
        simulator: Any = env.unwrapped
        np.testing.assert_allclose(simulator.maze.unique_reset_locations[0], START)
        assert np.abs(observation[:2]).max() <= 1.0  # within 1 m of the start


def test_ant_maze_of_another_maze_counts_from_its_own_start_and_is_told(tmp_path: Path) -> None:
    pytest.importorskip("gymnasium_robotics")
    turned = environment("AntMaze_UMaze-v4", maze_map=MAZE[::-1])
    columns = opened(write_minari(tmp_path / "x", ant_maze(), env_spec=turned), env="antmaze-umaze")
    np.testing.assert_allclose(
        columns.observations[0, :2], ant_maze()[0]["observations"]["achieved_goal"][0] - [-4, 4], atol=1e-6
    )
    assert any("recorded with another maze_map than that of antmaze-umaze" in note for note in columns.notes)


def test_ant_maze_from_minari_trains_and_is_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gymnasium_robotics")
    from dsf_train.command_train import main as train_main

    shipped = Path(spec_module.__file__).parent / "specs" / "antmaze-umaze.yaml"
    shorter = {**yaml.safe_load(shipped.read_text(encoding="utf-8")), "time_limit": 20, "return_targets": [1]}
    (tmp_path / "antmaze-umaze.yaml").write_text(yaml.safe_dump(shorter))
    monkeypatch.setenv("DSF_ENVIRONMENTS", str(tmp_path))
    folder = write_minari(tmp_path / "x", ant_maze())
    assert train_main([
        "env=antmaze-umaze", f"dataset={folder}", f"output={tmp_path / 'runs'}", "steps=5", "batch_size=4", "threads=1",
        "model.embedding_size=8", "model.blocks=1", "model.window=2", "model.context=4", "model.time_steps=2",
        "final_episodes=1", "--json",
    ]) == 0  # fmt: skip
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert all(np.isfinite(one["mean"]) for one in scores)


def test_parts_that_an_environment_does_not_know_are_named(tmp_path: Path) -> None:
    parts = [{**one, "observations": {"a": one["observations"], "b": one["observations"]}} for one in trajectories()]
    with pytest.raises(UserError, match=r"parts \(a \(3\), b \(3\)\), and pendulum does not say how they go together"):
        opened(write_minari(tmp_path / "x", parts))


def test_an_episode_beyond_minaris_own_limit_of_rows_is_whole(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    made = trajectories([40_000, 5])
    columns = opened(write_columnar(tmp_path / "x", made, "arrow", parts=2))
    assert columns.ends.tolist() == [40_000, 40_005]
    assert np.array_equal(columns.observations[:40_000], made[0]["observations"][:-1])


@pytest.mark.parametrize("data_format", ["arrow", "parquet"])
@pytest.mark.filterwarnings("ignore:`?[a-z_]*`? is:UserWarning:minari")
def test_what_minari_writes_in_columns_is_read(
    data_format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow")
    import minari
    from gymnasium.spaces import Box, Dict
    from minari.data_collector import EpisodeBuffer

    made = trajectories([40, 7], observation_size=3)
    parts = Dict({"z": Box(-np.inf, np.inf, (1,)), "a": Box(-np.inf, np.inf, (2,))})
    minari.create_dataset_from_buffers(
        dataset_id="mine/columns-v0",
        buffer=[_buffer(EpisodeBuffer, one) for one in made],
        observation_space=parts,
        action_space=Box(-1, 1, (1,)),
        data_format=data_format,
    )
    columns = opened("mine/columns-v0", "observation_keys=a,z")
    assert np.array_equal(columns.observations, np.concatenate([one["observations"][:-1] for one in made]))
    assert np.array_equal(columns.actions, np.concatenate([one["actions"] for one in made]))
    assert columns.action_bounds is not None
    assert columns.action_bounds.are_unit


def _buffer(kind: Any, one: Trajectory) -> Any:
    steps = len(one["rewards"])
    return kind(
        observations={"z": one["observations"][:, 2:], "a": one["observations"][:, :2]},
        actions=one["actions"],
        rewards=one["rewards"].astype(np.float64),
        terminations=np.zeros(steps, dtype=bool),
        truncations=np.arange(steps) == steps - 1,
    )


def test_notes_come_back_with_every_training(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    folder = write_minari(tmp_path / "x", trajectories([30]))
    for _ in range(2):
        caplog.clear()
        opened(folder)
        assert "holds one episode" in caplog.text
