"""`dsf-data` as a user meets it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dsf_train.command_data import main
from dsf_train.datasets.demonstrations import DEMONSTRATORS
from dsf_train.datasets.pendulum import PENDULUM
from neuro_runtime.environments import environment_names
from support.small_datasets import d4rl_columns, write_hdf5, write_minari


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("D4RL_DATASET_DIR", str(tmp_path / "d4rl"))
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    monkeypatch.setitem(DEMONSTRATORS, "Pendulum-v1", replace(PENDULUM, episodes=4))


def test_list_names_every_environment(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "d4rl" / "hopper_medium-v2.hdf5", d4rl_columns())
    assert main(["list"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert list(lines) == environment_names()
    assert lines["hopper-m"] == f"d4rl: {path}"
    assert lines["pendulum"] == "made on first use"
    assert lines["pen-e"] == "not here (dsf-data fetch env=pen-e)"


@pytest.mark.parametrize("arguments", [["list", "--json"], ["--json", "list"]])
def test_list_as_json(arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "d4rl" / "hopper_medium-v2.hdf5", d4rl_columns())
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == environment_names()
    assert found["pen-e"] is None
    assert found["hopper-m"] == {"kind": "d4rl", "paths": [str(path)]}


def test_fetch_then_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "env=pendulum"]) == 0
    path = capsys.readouterr().out.strip()
    assert main(["fetch", "env=pendulum", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"kind": "generated", "paths": [path]}
    assert main(["info", path, "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert (info["environment"], info["episodes"], info["steps"]) == ("pendulum", 4, 800)
    assert info["length_quantiles"] == [200] * 5
    assert info["return_quantiles"] == sorted(info["return_quantiles"])
    assert main(["info", "pendulum"]) == 0
    assert "4 episodes, 800 steps" in capsys.readouterr().out


def test_info_scores_the_data(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write_hdf5(tmp_path / "hopper_medium-v2.hdf5", d4rl_columns())
    assert main(["--json", "info", str(path)]) == 0
    info = json.loads(capsys.readouterr().out)
    assert (info["environment"], info["mean_return"]) == ("hopper-m", 14.0)
    assert info["mean_score"] == pytest.approx(100 * (14 + 20.272305) / (3234.3 + 20.272305))


@pytest.mark.parametrize(
    ("place", "environment"),
    [
        ("hopper_medium_replay-v2.hdf5", "hopper-m-r"),
        ("hopper_expert-v2.hdf5", "hopper-m-e"),
        ("mujoco/hopper/medium-v0", "hopper-m"),
    ],
)
def test_info_infers_the_environment(
    place: str, environment: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / place
    _ = write_hdf5(path, d4rl_columns()) if path.suffix else write_minari(path)
    assert main(["--json", "info", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["environment"] == environment


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "pne-e"], "did you mean pen-e"),
        (["info", "env=pne-e"], "did you mean pen-e"),
        (["info", "data=pen-e"], "expected env=NAME"),
        (["fetch", "pen-e"], "expected env=NAME"),
        (["fetch", "env=pn"], "unknown environment"),
        (["info", "{folder}/none.hdf5"], "there is no dataset"),
        (["info", ""], "an argument is empty; leave it out"),
        (["info", "pendulum", "env=pen-e"], "pendulum is an environment, and env= says that of a file"),
        (["info", "{folder}"], "tells no environment"),
        (["info", "{folder}", "pen-e"], "expected env=NAME"),
        (["info", "{folder}", "env=pen-e"], "no Minari dataset"),
        (["info", "{folder}/hopper.hdf5", "env=pen-e"], "the environment's are (45,)"),
        (["info", "{folder}/text.hdf5", "env=pen-e"], "no readable HDF5 dataset"),
    ],
)
def test_wrong_calls_get_one_sentence_and_status_2(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_hdf5(tmp_path / "hopper.hdf5", d4rl_columns())
    (tmp_path / "text.hdf5").write_text("observations, actions\n")
    assert main([argument.replace("{folder}", str(tmp_path)) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("dsf-data: error: ")
    assert captured.err.count("\n") == 1
    assert message in captured.err


@pytest.mark.parametrize("arguments", [[], ["show"], ["info"], ["fetch"], ["list", "pen-e"]])
def test_wrong_grammar_gets_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith("dsf-data: error: ")
    assert "--help lists all options" in told
