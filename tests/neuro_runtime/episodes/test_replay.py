"""The recorded decision is one of the run, spike for spike."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from neuro_runtime.backends.program_backend import ProgramBackend
from neuro_runtime.environments import load_environment_spec
from neuro_runtime.episodes.replay import replay_raster
from neuro_runtime.episodes.rollout import Episode, run_episodes
from neuro_runtime.policy import Policy
from neuro_runtime.simulators.interpreter import Interpreter
from tests.neuro_runtime.run_doubles import CountingEnvironment, tiny_program

TARGET = -50.0


@pytest.fixture
def episode() -> Episode:
    program = tiny_program()
    policy = Policy(ProgramBackend(program, Interpreter(program)))
    spec = load_environment_spec("pendulum")
    rollout = run_episodes(policy, CountingEnvironment(), spec, episodes=1, seed=3, return_target=TARGET)
    return rollout.episodes[0]


def test_the_raster_has_the_spikes_that_the_run_counted(episode: Episode) -> None:
    environment = CountingEnvironment()
    raster = replay_raster(tiny_program(), environment, episode, TARGET)
    assert raster is not None
    assert environment.seeds == [3]
    assert (raster.seed, raster.decision) == (3, 2)  # the last of a short episode
    assert {name: spikes.shape for name, spikes in raster.spikes.items()} == {
        "bias": (6, 1),
        "input": (6, 2),
        "hidden": (6, 3),
    }
    counted = episode.activities[2].spikes
    assert {name: int(np.count_nonzero(spikes)) for name, spikes in raster.spikes.items()} == dict(counted)
    assert counted["input"] > 0


def test_a_replay_that_fires_otherwise_is_not_kept(episode: Episode, caplog: pytest.LogCaptureFixture) -> None:
    first, second, last = episode.activities
    other = last._replace(spikes={**last.spikes, "hidden": last.spikes["hidden"] + 1})
    changed = dataclasses.replace(episode, activities=(first, second, other))
    assert replay_raster(tiny_program(), CountingEnvironment(), changed, TARGET) is None
    assert "decision 2 fired other spikes when it was replayed" in caplog.text
