"""The environments' YAML files: complete, and refused when wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from dsf_common.errors import UserError
from neuro_runtime.environments import environment_names, load_environment_spec, normalised_score
from neuro_runtime.environments.spec import parse_environment_spec

PAPER = {
    *(f"{task}-{data}" for task in ("hopper", "halfcheetah", "walker2d") for data in ("m", "m-r", "m-e")),
    *(f"{task}-{data}" for task in ("pen", "door", "hammer", "relocate") for data in ("h", "c", "e")),
    *(f"antmaze-{maze}" for maze in ("umaze", "umaze-diverse")),
    *(f"antmaze-{size}-{data}" for size in ("medium", "large") for data in ("play", "diverse")),
}
BUILT_IN = {"pendulum", "pendulum-hidden", *(f"t-maze-{length}" for length in (10, 30, 100, 200))}
GOOD: dict[str, Any] = {
    "gymnasium_id": "Pendulum-v1",
    "time_limit": 200,
    "observation_size": 3,
    "action_size": 1,
    "reference_min": -1.0,
    "reference_max": 1.0,
    "return_targets": [1],
    "return_scale": 1,
}


def test_every_environment_of_the_paper_is_there() -> None:
    assert set(environment_names()) == PAPER | BUILT_IN | {"hopper-hidden", "walker2d-hidden"}


@pytest.mark.parametrize("name", sorted(PAPER))
def test_specs_of_the_paper_say_where_their_data_are(name: str) -> None:
    spec = load_environment_spec(name)
    folder, _, file = spec.d4rl_file.partition("/")
    assert folder in {"gym_mujoco_v2", "hand_dapg_v1", "ant_maze_v2"}
    assert file.endswith(".hdf5")
    assert len(spec.d4rl_parts) == (2 if name.endswith("-m-e") else 0)
    # Minari has no replay data, and its AntMaze data are of other mazes.
    assert bool(spec.minari_datasets) == (not name.endswith("-m-r") and not name.startswith("antmaze"))


@pytest.mark.parametrize("task", ["hopper", "walker2d"])
def test_hidden_tasks_are_the_medium_expert_ones_without_velocities(task: str) -> None:
    whole, hidden = load_environment_spec(f"{task}-m-e"), load_environment_spec(f"{task}-hidden")
    positions = {"hopper": 5, "walker2d": 8}[task]
    assert hidden.observed == tuple(range(positions))
    same = replace(hidden, name=whole.name, observation_size=whole.observation_size, observed=())
    assert same == whole


def test_normalised_score_is_d4rls() -> None:
    spec = load_environment_spec("hopper-m")
    assert normalised_score(spec, spec.reference_min) == 0
    assert normalised_score(spec, spec.reference_max) == 100
    assert normalised_score(spec, 1800.0) == pytest.approx(55.93, abs=0.01)  # d4rl.get_normalized_score, in per cent


def test_unknown_name_suggests_near_ones() -> None:
    with pytest.raises(UserError, match=r"did you mean .*pendulum"):
        load_environment_spec("pendulm")


WRONG: dict[str, tuple[object, str]] = {
    "a list": ([1], "expected key: value"),
    "nothing": (None, "expected key: value"),
    "a misspelt key": ({**GOOD, "timelimit": 3}, "did you mean time_limit"),
    "a key left out": ({key: value for key, value in GOOD.items() if key != "return_scale"}, "return_scale is missing"),
    "text for a number": ({**GOOD, "reference_min": "low"}, "reference_min is 'low', not a number"),
    "no number": ({**GOOD, "reference_min": float("nan")}, "reference_min is nan, not a number"),
    "half a step": ({**GOOD, "time_limit": 0.5}, "time_limit is 0.5, not a whole number"),
    "true for a number": ({**GOOD, "action_size": True}, "action_size is True, not a whole number"),
    "one target": ({**GOOD, "return_targets": 3600}, "return_targets is 3600, not a list of numbers"),
    "no target": ({**GOOD, "return_targets": []}, "at least one return"),
    "one Minari id": ({**GOOD, "minari_datasets": "D4RL/pen"}, "not a list of texts"),
    "a number for yes": ({**GOOD, "generated": 1}, "generated is 1, not true or false"),
    "a number for an id": ({**GOOD, "gymnasium_id": 7}, "gymnasium_id is 7, not text"),
    "options in a list": ({**GOOD, "options": ["g"]}, "not key: value lines"),
    "no time": ({**GOOD, "time_limit": 0}, "time_limit must be positive"),
    "no scale": ({**GOOD, "return_scale": -1}, "return_scale must be positive"),
    "turned references": ({**GOOD, "reference_max": -2}, "must be above reference_min"),
    "too few observed": ({**GOOD, "observed": [0, 1]}, "observed lists 2 entries, observation_size is 3"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_content_is_refused(case: str) -> None:
    content, message = WRONG[case]
    with pytest.raises(UserError, match=message):
        parse_environment_spec("mine", content)


def test_own_folder_adds_and_replaces_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSF_ENVIRONMENTS", str(tmp_path))
    for name in ("mine", "pendulum"):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(GOOD))
    assert "mine" in environment_names()
    assert load_environment_spec("mine").time_limit == 200
    assert load_environment_spec("pendulum").reference_max == 1


def test_an_own_file_may_end_in_yml_and_has_its_name_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSF_ENVIRONMENTS", str(tmp_path))
    (tmp_path / "mine.yml").write_text(yaml.safe_dump(GOOD))
    (tmp_path / "mine.yb.yaml").write_text(yaml.safe_dump(GOOD))
    assert load_environment_spec("mine").time_limit == 200
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(GOOD))
    with pytest.raises(UserError, match=r"has mine\.yaml and mine\.yml, both for env=mine: keep one$"):
        load_environment_spec("mine")


def test_an_own_folder_that_is_none_is_refused_though_the_name_is_one_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DSF_ENVIRONMENTS", str(tmp_path / "misspelt"))
    with pytest.raises(UserError, match=r"^DSF_ENVIRONMENTS names .*misspelt, and there is no such folder$"):
        load_environment_spec("pendulum")


def test_a_file_in_place_of_a_name_is_answered_with_its_folder() -> None:
    with pytest.raises(UserError, match=r"let DSF_ENVIRONMENTS name the file's folder, and give env=mine"):
        load_environment_spec("tasks/mine.yaml")


def test_own_file_that_is_no_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSF_ENVIRONMENTS", str(tmp_path))
    (tmp_path / "mine.yaml").write_text("{time_limit: [")
    with pytest.raises(UserError, match="no readable YAML"):
        load_environment_spec("mine")
    (tmp_path / "mine.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="no readable YAML"):
        load_environment_spec("mine")
