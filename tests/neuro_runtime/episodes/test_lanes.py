"""Many environments at once: the same episodes, to the bit, as one after the other."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuro_runtime.backends.loihi_fast import LoihiFastBackend, open_policy
from neuro_runtime.command_run import main
from neuro_runtime.environments import load_environment_spec, make_environment
from neuro_runtime.episodes.policy_lanes import PolicyLanes
from neuro_runtime.episodes.rollout import Rollout, run_episodes, run_episodes_in_lanes
from neuro_runtime.policy import Policy, load_policy
from neuro_runtime.policy_files import shipped_policy
from neuro_runtime.program.nodes import Injection, Lif
from neuro_runtime.program.storage import load_program, save_program

SPEC = load_environment_spec("pendulum")


def backend() -> LoihiFastBackend:
    return open_policy(shipped_policy("pendulum"))


def side_by_side(lanes: int, episodes: int) -> Rollout:
    environments = [make_environment("pendulum") for _ in range(lanes)]
    policy = PolicyLanes(backend(), lanes)
    return run_episodes_in_lanes(policy, environments, SPEC, episodes=episodes, seed=3, return_target=-200.0)


def one_after_the_other(policy: Policy, episodes: int) -> Rollout:
    return run_episodes(policy, make_environment("pendulum"), SPEC, episodes=episodes, seed=3, return_target=-200.0)


def test_lanes_run_the_episodes_that_one_environment_runs() -> None:
    """Five episodes in two lanes, so that lanes begin anew while the other goes on."""
    alone, together = one_after_the_other(Policy(backend()), 5), side_by_side(lanes=2, episodes=5)
    assert [episode.seed for episode in together.episodes] == [3, 4, 5, 6, 7]
    for ours, theirs in zip(together.episodes, alone.episodes, strict=True):
        assert np.array_equal(ours.actions, theirs.actions)
        assert np.array_equal(ours.rewards, theirs.rewards)
        assert ours.score == theirs.score
        assert ours.activities == theirs.activities


def test_loihi_fast_steers_as_the_interpreter_does() -> None:
    with load_policy("pendulum", backend="interpreter") as interpreter:
        reference = one_after_the_other(interpreter, 1)
    ours = one_after_the_other(Policy(backend()), 1)
    assert np.array_equal(ours.episodes[0].actions, reference.episodes[0].actions)
    assert ours.episodes[0].activities == reference.episodes[0].activities


def test_the_command_saves_every_lane(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--backend", "loihi-fast", "env=pendulum", "episodes=3", "lanes=2", f"out={tmp_path}/run", "--json"]
    assert main(arguments) == 0
    document = json.loads(capsys.readouterr().out)
    assert [episode["seed"] for episode in document["episodes"]] == [0, 1, 2]
    assert document["decisions"] == 600
    assert json.loads((tmp_path / "run" / "run.json").read_text()) == document
    assert {node["node"] for node in document["largest_states"]} >= {"block0.mlp.hidden", "action"}
    assert all(0 < node["bits_left"] < 20 for node in document["largest_states"] if node["voltage"])
    arrivals = [extreme for extreme in document["extremes"] if extreme["quantity"] == "arrival"]
    assert {extreme["node"] for extreme in arrivals} == {node["node"] for node in document["largest_states"]}
    assert all(0 <= extreme["observed"] <= extreme["bound"] for extreme in arrivals)
    assert any(extreme["observed"] for extreme in arrivals)


def test_states_that_overflow_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    program = load_program(shipped_policy("pendulum").need_program())
    connections = [
        replace(item, exponent=7) if isinstance(item, Injection) and item.target == "block0.mlp.input" else item
        for item in program.connections
    ]
    # So much does not decay within the period, unless at once.
    nodes = [
        replace(node, voltage_decay=4095) if isinstance(node, Lif) and node.name == "block0.mlp.input" else node
        for node in program.nodes
    ]
    loud = replace(program, nodes=tuple(nodes), connections=tuple(connections))
    save_program(loud, tmp_path / "loud.dsf.h5")
    assert main(["--backend", "loihi-fast", f"policy={tmp_path}/loud.dsf.h5"]) == 0
    assert "did not fit Loihi's 24 bits" in caplog.text
    assert "block0.mlp.input" in caplog.text
    assert "bits left" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--backend", "interpreter", "lanes=2"], "lanes=2 is too many: this backend steers one environment at a time"),
        (["--backend", "loihi-fast", "lanes=0"], "lanes must be at least 1, got 0"),
        (["--backend", "loihi-fast", "lanes=2", "--video", "film.gif"], "lanes=2 is too many: a film is of one"),
    ],
)
def test_lanes_that_cannot_be_are_refused(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "env=pendulum", "episodes=2"]) == 2
    assert sentence in capsys.readouterr().err
