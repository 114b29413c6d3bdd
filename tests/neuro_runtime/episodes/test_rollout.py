"""The closed loop step by step, and the trace it leaves."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from dsf_common.errors import UserError
from hw_profiles.activity import ActivityCounts, PopulationCounts
from neuro_runtime.activity import LayerActivity, mean_counts, mean_layers
from neuro_runtime.environments import load_environment_spec, normalised_score
from neuro_runtime.episodes.rollout import Rollout, check_sizes, run_episodes
from neuro_runtime.policy import Policy
from neuro_runtime.records.trace import save_trace, trace_of
from tests.neuro_runtime.run_doubles import ACTIVITY, CountingEnvironment, ListeningBackend

SPEC = load_environment_spec("pendulum")


def run(backend: ListeningBackend, environment: CountingEnvironment) -> Rollout:
    """Two episodes of three steps."""
    return run_episodes(Policy(backend), environment, SPEC, episodes=2, seed=5, return_target=10.0)


@pytest.fixture
def rollout() -> Rollout:
    return run(ListeningBackend(), CountingEnvironment())


def test_the_return_to_go_follows_the_rewards_and_starts_anew_each_episode() -> None:
    backend = ListeningBackend()
    run(backend, CountingEnvironment())
    assert [token.return_to_go for token in backend.tokens] == [10.0, 9.0, 7.0] * 2  # rewards 1, 2, 3
    assert [token.state[0] for token in backend.tokens] == [0.0, 1.0, 2.0] * 2
    assert [token.previous_action[0] for token in backend.tokens] == [0.0, 2.0, 2.0] * 2


def test_episodes_are_seeded_one_after_another_and_actions_clipped() -> None:
    environment = CountingEnvironment()
    rollout = run(ListeningBackend(), environment)
    assert environment.seeds == [5, 6]
    assert all(action.dtype == np.float32 and action == 1.0 for action in environment.actions)
    assert (rollout.episodes[0].actions == 2.0).all()  # the policy's own


def test_returns_and_scores(rollout: Rollout) -> None:
    assert [episode.total_reward for episode in rollout.episodes] == [6.0, 6.0]
    assert rollout.score.mean == normalised_score(SPEC, 6.0)
    assert rollout.total_reward.standard_error == 0.0


def test_the_average_decision(rollout: Rollout) -> None:
    assert mean_counts(rollout.activities) == ActivityCounts(
        synops=30, active_updates=32, idle_updates=16, spikes=3, time_steps=6, host_macs=40
    )
    assert mean_layers(rollout.activities) == [
        LayerActivity("input", firing_rate=0.25, spikes=3, synops=0),
        LayerActivity("hidden", firing_rate=0.0, spikes=0, synops=30),
        LayerActivity("action", firing_rate=None, spikes=0, synops=0),
    ]


def test_the_average_decision_by_population(rollout: Rollout) -> None:
    counts = mean_counts(rollout.activities, by_population=True)
    assert counts.by_population == {"input": PopulationCounts(3, 12, 6), "hidden": PopulationCounts(0, 20, 10)}
    assert counts.synops_by_target == {"hidden": 30, "action": 0}
    assert sum(each.idle_updates for each in counts.by_population.values()) == counts.idle_updates


def test_a_policy_of_other_widths_is_refused() -> None:
    other = dataclasses.replace(SPEC, observation_size=4, action_size=2)
    with pytest.raises(UserError, match="takes 3 observations and gives 1 actions, but pendulum has 4 and 2"):
        check_sizes(Policy(ListeningBackend()), other)


def test_a_trace_file_holds_every_column(rollout: Rollout, tmp_path: Path) -> None:
    trace = trace_of(rollout, {"policy": "listener"})
    save_trace(trace, tmp_path / "trace.h5")
    with h5py.File(tmp_path / "trace.h5", "r") as file:
        assert (file.attrs["environment"].decode(), file.attrs["return_target"]) == ("pendulum", 10.0)
        assert json.loads(file.attrs["provenance"]) == {"policy": "listener"}
        for group in ("episodes", "decisions", "spikes", "neuron_steps", "synops"):
            written = getattr(trace, group)
            assert written.keys() == file[group].keys()
            for name in written:
                np.testing.assert_array_equal(written[name], file[group][name][()])
        assert file["spikes/input"][()].tolist() == [ACTIVITY.spikes["input"]] * 6
        assert file["decisions/reward"][()].tolist() == [1.0, 2.0, 3.0] * 2
